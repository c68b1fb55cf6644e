"""Verdicts of the gates, and the numbers that decide them."""
