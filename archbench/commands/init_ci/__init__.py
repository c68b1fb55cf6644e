"""`archbench init-ci`."""
