"""Exact analysis: run a network once without numbers, and turn shapes into cost."""
