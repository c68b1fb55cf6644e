"""The command line: one file per command, errors and exit codes in one place."""

from archbench.cli import interrupt
from archbench.cli.app import run

__all__ = ["interrupt", "run"]
