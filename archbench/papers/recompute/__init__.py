"""How each printed figure is computed again: rules by the ids of figures, in files by subject."""
