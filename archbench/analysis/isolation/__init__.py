"""A pass over a network that leaves no trace in it, nor elsewhere in the program."""
