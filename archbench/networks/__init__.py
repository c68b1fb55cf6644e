"""How a MODEL becomes a module: its name or file, its weights, its inputs, its way of running."""
