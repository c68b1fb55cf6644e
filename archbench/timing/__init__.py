"""Times of fresh processes: what ran, what it took, and what disturbed it."""
