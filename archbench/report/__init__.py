"""Records become a Report of tables, and a Report becomes text; nothing here computes."""
