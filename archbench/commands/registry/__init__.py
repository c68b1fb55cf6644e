"""`archbench list` and `archbench info`."""
