"""Exact counts of one forward pass: trace, rules, shapes, profile."""
