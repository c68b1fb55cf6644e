"""What runs inside a worker process: load, warm up, time."""
