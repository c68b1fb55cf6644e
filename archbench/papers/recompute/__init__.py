"""How each printed figure is computed again: one rule per kind of figure, one file per paper."""
