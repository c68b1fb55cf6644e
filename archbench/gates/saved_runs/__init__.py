"""The gate of saved runs: files of pytest-benchmark, before and after."""
