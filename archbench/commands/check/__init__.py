"""`archbench check`."""
