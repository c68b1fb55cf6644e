"""`archbench selftest`."""
