"""`archbench bench --fits`: the largest batch that fits."""
