"""`archbench lock`."""
