"""`archbench bench --layers`: layer by layer, under the machine's ceilings."""
