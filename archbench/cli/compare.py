"""`archbench compare A B`: side by side."""

from archbench.cli.options import Model


def compare(model: Model) -> None:
    """Compare networks."""
