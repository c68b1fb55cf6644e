"""The shelf: one file per paper, each with the paper's own table as rows. README.md: add one."""
