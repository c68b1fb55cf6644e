"""`archbench summary`."""
