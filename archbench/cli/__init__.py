"""The command line: one file per command, errors and exit codes in one place."""

from archbench.cli.app import run
from archbench.shell import interrupt

__all__ = ["interrupt", "run"]
