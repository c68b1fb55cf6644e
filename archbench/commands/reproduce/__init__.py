"""`archbench reproduce`."""
