"""A user's code is run as if archbench were not there."""

import sys
from pathlib import Path

import pytest

import archbench

PARSES = """
import argparse
from torch import nn

def build():
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=4)
    return nn.Linear(3, parser.parse_args().width, bias=False)
"""


def test_a_factory_that_parses_arguments_sees_none_of_archbench_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes its defaults; the program's own arguments are as before."""
    (tmp_path / "parses.py").write_text(PARSES)
    arguments = ["archbench", "summary", "--layers", "parses.py:build"]
    monkeypatch.setattr("sys.argv", arguments)
    assert archbench.profile(f"{tmp_path / 'parses.py'}:build", "float32:3").totals.macs == 12
    assert sys.argv is arguments
