"""`archbench doctor`."""
