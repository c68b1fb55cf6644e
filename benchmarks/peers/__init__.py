"""archbench beside the other counters of PyTorch networks: `make bench-peers`."""
