"""Records become verdicts: pure statistics and rules, no torch."""
