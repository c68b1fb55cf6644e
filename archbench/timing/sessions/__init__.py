"""What starts worker processes, and in which order."""
