"""The peak of memory, computed before anything runs."""
