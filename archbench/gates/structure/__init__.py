"""The structure gate: networks as they are, against a lock."""
