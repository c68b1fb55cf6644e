"""Child processes, on every system: started, watched, ended."""
