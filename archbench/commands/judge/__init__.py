"""`archbench judge`."""
