"""How fast archbench is, as ratios against something that runs beside it."""
