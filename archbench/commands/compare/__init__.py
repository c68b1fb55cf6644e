"""`archbench compare`."""
