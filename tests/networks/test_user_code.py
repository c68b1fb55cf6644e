"""A user's code is run as if archbench were not there."""

import sys
from pathlib import Path

import pytest

import archbench
from archbench.errors import UserCodeError

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


def test_a_file_inside_a_package_may_import_from_it(tmp_path: Path) -> None:
    """By dots, from its own folder and from the one above; a file by itself still may not."""
    models = tmp_path / "vision" / "models"
    models.mkdir(parents=True)
    (tmp_path / "vision" / "__init__.py").touch()
    (models / "__init__.py").touch()
    (tmp_path / "vision" / "widths.py").write_text("WIDE = 5")
    (models / "layers.py").write_text("from torch import nn\n\nLayer = nn.Linear")
    net = "from ..widths import WIDE\nfrom .layers import Layer\n\ndef build():\n"
    (models / "net.py").write_text(f"{net}    return Layer(3, WIDE, bias=False)\n")
    profile = archbench.profile(f"{models / 'net.py'}:build", "float32:3")
    assert profile.totals.macs == 15
    (tmp_path / "alone.py").write_text("from .layers import Layer")
    with pytest.raises(UserCodeError, match="attempted relative import"):
        archbench.profile(f"{tmp_path / 'alone.py'}:Layer", "float32:3")
