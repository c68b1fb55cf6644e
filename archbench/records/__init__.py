"""The facts that archbench makes, as frozen records; nothing here computes, prints or needs torch.

A value that does not exist is None, never 0. Counts are in units, times in seconds.
"""
