"""A user's code is run as if archbench were not there."""

import sys
from pathlib import Path

import pytest
import torch
from torch.utils import flop_counter

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
    """Imports by dots reach the file's folder and the one above; outside a package they fail."""
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


FORMULA = """
import torch.utils.flop_counter
from torch import nn

@torch.utils.flop_counter.register_flop_formula(torch.ops.aten.linear_backward)
def linear_backward_flops(*shapes, out_shape, **options):
    return NUMBER

class One(nn.Linear):
    def __init__(self):
        super().__init__(5, 8)

class Two(One):
    pass
"""


def test_a_file_that_registers_a_rule_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two networks of one file; after a change its rule is the new one, and others' stay."""
    monkeypatch.setattr(flop_counter, "flop_registry", dict(flop_counter.flop_registry))
    before = set(flop_counter.flop_registry)
    path = tmp_path / "ruled.py"
    operation = torch.ops.aten.linear_backward
    for number in (2, 4):
        path.write_text(FORMULA.replace("NUMBER", str(number)))
        for name in ("One", "Two"):
            assert archbench.profile(f"{path}:{name}", (5,)).totals.macs == 40
        assert flop_counter.flop_registry[operation](out_val=None) == number
        assert set(flop_counter.flop_registry) == before | {operation}


OPERATION = """
import torch
from torch import nn

torch.library.define("archbench_tests::same", "(Tensor x) -> Tensor")
torch.library.impl("archbench_tests::same", "CompositeImplicitAutograd")(lambda x: x * 1)

class One(nn.Linear):
    def __init__(self):
        super().__init__(5, 8)

    def forward(self, x):
        return torch.ops.archbench_tests.same(super().forward(x))

class Two(One):
    pass
"""


def test_a_file_that_registers_an_operation_is_imported_once(tmp_path: Path) -> None:
    """Torch refuses the second registration: two networks of the file share its module."""
    path = tmp_path / "registers.py"
    path.write_text(OPERATION)
    found = archbench.compare(f"{path}:One", f"{path}:Two", input_size="float32:5", no_bench=True)
    assert [profile.totals.macs for profile in found.profiles] == [40, 40]
    path.write_text(OPERATION + "\n# changed")
    with pytest.raises(UserCodeError, match="multiple times"):
        archbench.profile(f"{path}:One", "float32:5")


def test_a_file_of_a_package_keeps_its_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its import by dots fails after the rule, so it runs twice at first, and never again."""
    monkeypatch.setattr(flop_counter, "flop_registry", dict(flop_counter.flop_registry))
    package = tmp_path / "ruled_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "widths.py").write_text("WIDE = 8")
    text = FORMULA.replace("NUMBER", "6").replace(
        "class One", "from .widths import WIDE\n\nclass One"
    )
    (package / "net.py").write_text(text.replace("5, 8", "5, WIDE"))
    for name in ("One", "Two"):
        assert archbench.profile(f"{package / 'net.py'}:{name}", (5,)).totals.macs == 40
        assert flop_counter.flop_registry[torch.ops.aten.linear_backward](out_val=None) == 6
