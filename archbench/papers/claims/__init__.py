"""Each testable statement as a small numerical experiment: one function per claim."""
