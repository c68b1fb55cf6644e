"""What the papers print and claim, and what recomputes and judges it."""
