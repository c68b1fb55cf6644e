"""Commands run in this process, as `archbench` runs them."""

import pytest

from archbench.app import run


def succeed(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Run a command that must end well; return what it put on standard output."""
    code = run(argv)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def outcome(command: str, capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, standard output and standard error."""
    code = run([command, *argv])
    out, err = capsys.readouterr()
    return code, out, err
