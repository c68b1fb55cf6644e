"""The machine: what it is made of, and what else runs on it."""
