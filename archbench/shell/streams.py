"""Text on standard output and standard error, as far as the command has them."""

import sys


def print_line(line: str) -> None:
    """Print a line on standard output; not through Typer, which takes ASCII for UTF-8."""
    if sys.stdout is not None:  # as it is after `>&-`
        print(line)  # noqa: T201  # the one place that does


def warn(message: str) -> None:
    """Print a line beside the data, on standard error."""
    say(f"archbench: {message}")


def say(line: str) -> None:
    """Print a line on standard error."""
    show_output(f"{line}\n")


def show_output(text: str) -> None:
    """Write text on standard error, such as what a model's own code printed in a worker process."""
    if sys.stderr is not None:  # as it is after `2>&-`
        sys.stderr.write(text)
