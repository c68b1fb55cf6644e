"""`archbench explain`."""
