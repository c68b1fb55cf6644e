"""The machine: its hardware and software, and the other processes that run on it."""
