"""Everything the README shows is run, and prints what stands there."""

import doctest

import pytest

pytest.importorskip("pty", reason="needs a POSIX system: a terminal is faked")

from tests.readme import MEASURED, README, blocks, masked, run_on_a_terminal
from tests.shelf import counted


def slices_of_a_shortcut() -> float:
    """The operations that this torch runs for x[:, :, ::2, ::2], as resnet20's two shortcuts do."""
    calls = {operation.op: operation.calls for operation in counted("resnet20").operations}
    return calls["aten.slice"] / 2


@pytest.mark.parametrize(("command", "printed"), blocks(), ids=[b[0] for b in blocks()])
def test_commands_print_what_the_readme_shows(command: str, printed: str) -> None:
    """On a terminal of 80 columns; measured figures masked.

    Where a busy machine gets too few processes for an interval, only what is exact is compared.
    """
    shown = run_on_a_terminal(command, quickly=True)
    if "aten.slice" in shown and slices_of_a_shortcut() != 2:
        pytest.skip("this torch runs an operation for each whole dimension of a slice too")
    if "give it more --max-time" in shown:
        shown, printed = (text.partition(MEASURED)[0] for text in (shown, printed))
    assert masked(shown, command) == masked(printed, command)


def test_there_are_commands_to_run() -> None:
    """The pattern finds every block: an empty list would pass above."""
    assert len(blocks()) == README.read_text(encoding="utf-8").count("```console") >= 6


def test_python_examples_are_true() -> None:
    """The README's >>> lines."""
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted >= 5
    assert results.failed == 0
