"""What the files of several papers are built from."""
