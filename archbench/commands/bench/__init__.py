"""`archbench bench`."""
