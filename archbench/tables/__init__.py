"""Report and Table, written for a terminal, as CSV, JSON or Markdown; and pictures."""
