"""`archbench claims`."""
