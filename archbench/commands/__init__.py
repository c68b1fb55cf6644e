"""The commands, a folder each: command.py parses and shows, run.py works, report.py lays out."""
