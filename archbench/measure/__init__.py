"""Noisy quantities: what runs is timed here, and what is judged is judged elsewhere."""
