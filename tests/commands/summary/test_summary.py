"""`archbench summary`: the paper's table, the layers, and a count of any network."""

import io
import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils import flop_counter

import archbench
from archbench.app import run
from archbench.commands.summary.records import Summary
from archbench.commands.summary.report import summary_report
from archbench.networks.registry import find
from tests.command_line import succeed
from tests.repository import ROOT

STEM_7X7 = ("--model-kwargs", "stem=7x7")


def test_summary_prints_the_paper_s_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows and columns as in Table 1, then exact totals, the convention and what differs."""
    out = succeed(capsys, "summary", "googlenet")
    for heading in ("patch size/ stride", "output size", "#3×3 reduce", "pool proj", "params (K)"):
        assert heading in out
    row = next(line for line in out.split("\n") if "inception (4b)" in line)
    assert row.split() == [
        *("inception_4b", "inception", "(4b)", "14×14×512", "2", "160", "112", "224", "24"),
        *("64", "64", "449", "87.9"),
    ]
    for fact in ("6,998,552", "1,582,671,872", "3,165,343,744", "22 layers", "3,227,160"):
        assert fact in out
    assert "1 MAC is one multiply-add" in out
    assert "torchvision's is `googlenet-torchvision`" in out


def test_resnets_print_their_own_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Layer name, output size, block and repeat."""
    out = succeed(capsys, "summary", "resnet50")
    row = next(line for line in out.split("\n") if line.startswith("conv4_x"))
    assert row.split() == "conv4_x 14×14×1024 1×1, 256; 3×3, 256; 1×1, 1024 6 7.10 1,387".split()


@pytest.mark.parametrize(
    ("model", "size", "window"),
    [
        ("googlenet", "3x32x32", "1×1/1"),  # 32 pixels, halved five times
        ("bn-inception", "3x64x96", "2×3/1"),  # likewise
        ("googlenet", "3x224x224", "7×7/1"),  # as the paper prints it
        # 512 -> 255 -> 253 -> 126 -> 124 -> 61 in the stem, 30 and 14 behind the reductions
        ("inception-v3", "3x512x512", "14×14"),
        ("inception-v2", "3x299x299", "8×8"),  # as the paper prints it
    ],
)
def test_the_window_of_a_global_pool_is_the_grid_that_it_sees(
    model: str, size: str, window: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The paper's 7×7 is the grid at the paper's own input size; other sizes have other grids."""
    out = succeed(capsys, "summary", model, "-i", size, "-f", "csv")
    row = next(line for line in out.split("\n") if line.startswith("avgpool"))
    assert row.split(",")[2] == window


def test_aux_builds_the_auxiliary_heads(capsys: pytest.CaptureFixture[str]) -> None:
    """They have rows of their own, after the stages they look at."""
    out = succeed(capsys, "summary", "googlenet", "--aux", "-f", "csv")
    names = [line.split(",")[0] for line in out.split("\n")]
    assert names[names.index("inception_4a") + 1] == "aux1"
    assert names[names.index("inception_4d") + 1] == "aux2"


def test_layers_lists_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    """One row per module path that was called, summing to the totals."""
    frame = pd.read_csv(
        io.StringIO(succeed(capsys, "summary", "resnet18", "--layers", "-f", "csv"))
    )
    profile = archbench.profile("resnet18")
    assert len(frame) == len(profile.layers)
    assert frame.params.sum() == profile.totals.params
    assert frame.macs.sum() == profile.totals.macs


def test_depth_shows_the_module_tree(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row holds what is inside it; networks of one's own are shown so by default."""
    tree = succeed(capsys, "summary", "resnet18", "--depth", "1", "-f", "csv")
    frame = pd.read_csv(io.StringIO(tree)).set_index("path")
    totals = archbench.profile("resnet18").totals
    assert frame.macs["(all)"] == totals.macs
    assert frame.macs.drop("(all)").sum() == totals.macs
    assert list(frame.index)[:3] == ["(all)", "conv1", "pool1"]
    out = succeed(capsys, "summary", "nets.py:build", "-i", "3x8x8")
    assert [line.split()[0] for line in out.split("\n")[4:7]] == ["(all)", "conv", "head"]


@pytest.mark.parametrize(
    ("model", "argv", "params"),
    [
        ("nets.py:build", [], 4 * 27 + 4 + 50),
        ("nets.py:Net", ["--model-kwargs", "width=2"], 2 * 27 + 2 + 30),
        ("nets.py:ready", [], 8 * 27 + 8 + 90),
        ("mypkg.net:Net", [], 162),
        ("in_src:Net", [], 162),
        ("./nets.py:build", [], 162),
    ],
)
def test_networks_of_one_s_own(
    nets: Path, capsys: pytest.CaptureFixture[str], model: str, argv: list[str], params: int
) -> None:
    """From a file or a package: a function, a class or a ready module, with arguments."""
    out = succeed(capsys, "summary", model, "-i", "3x8x8", *argv, "-f", "json")
    assert json.loads(out)["totals"]["params"] == params


def test_several_inputs(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each -i names one; the batch comes in front of every shape."""
    argv = ["summary", "nets.py:Two", "-i", "image:float32:3x8x8", "-i", "ids:int64:5", "-b", "2"]
    document = json.loads(succeed(capsys, *argv, "-f", "json"))
    assert document["totals"]["macs"] == 2 * 5 * 32
    assert document["inputs"] == [
        {"name": "image", "dtype": "float32", "shape": [3, 8, 8]},
        {"name": "ids", "dtype": "int64", "shape": [5]},
    ]


def test_a_number_is_a_square_image(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`-i 32` means 3 × 32 × 32, and the summary says what was understood."""
    assert "input        x float32 32×32×3" in succeed(
        capsys, "summary", "nets.py:build", "-i", "32"
    )
    assert "96×96×3" in succeed(capsys, "summary", "resnet18", "-i", "96")


def test_strict_refuses_an_incomplete_count(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without it the operation is named and the exit code is 0."""
    assert run(["summary", "nets.py:Secret", "-i", "3x8x8"]) == 0
    captured = capsys.readouterr()
    assert "NOT COUNTED" in captured.out
    assert "MACs         ≥ 6,952 (6.95 K)" in captured.out
    assert "depth        ≥ 2 layers" in captured.out
    assert "nets.secret" in captured.out
    assert "--strict would exit 4" in captured.err
    assert run(["summary", "nets.py:Secret", "-i", "3x8x8", "--strict"]) == 4
    assert "nets.secret" in capsys.readouterr().err
    assert run(["summary", "nets.py:Secret", "-i", "3x8x8", "--strict", "-o", "kept.csv"]) == 4
    assert (nets / "kept.csv").read_text().startswith("path,")


def test_each_incomplete_count_is_marked_where_it_stands(
    nets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the totals, the stage and the layer; those that are complete are not."""
    found = json.loads(succeed(capsys, "summary", "nets.py:Secret", "-i", "3x8x8", "-f", "json"))
    assert found["totals"]["complete"] is False
    assert {s["name"]: s["complete"] for s in found["stages"]} == {
        "conv": True,
        "head": True,
        "": False,
    }
    assert {s["path"]: s["complete"] for s in found["layers"]} == {
        "conv": True,
        "head": True,
        "": False,
    }
    tree = succeed(capsys, "summary", "nets.py:Secret", "-i", "3x8x8").split("\n")
    assert next(line for line in tree if line.startswith("(all)")).count("≥") == 1
    whole = json.loads(succeed(capsys, "summary", "nets.py:build", "-i", "3x8x8", "-f", "json"))
    assert whole["totals"]["complete"] is True


def test_a_model_that_reads_values_says_where_it_ran(
    nets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It falls back to its own device."""
    out = succeed(capsys, "summary", "nets.py:Reads", "-i", "3x8x8")
    assert "This model ran on cpu, because it cannot run without values" in out


@pytest.mark.parametrize("argv", [["summary"], ["compare", "nets.py:Net", "--max-time", "0.2"]])
def test_what_a_model_prints_does_not_spoil_the_data(
    nets: Path, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    """It goes to standard error."""
    assert run([*argv, "nets.py:Chatty", "-i", "3x8x8", "-f", "json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["schema"].startswith("archbench.")
    assert "forward talks" in captured.err


def test_a_device_that_is_there_is_taken(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-d says where a model runs that reads values."""
    out = succeed(capsys, "summary", "nets.py:Reads", "-i", "3x8x8", "-d", "cpu")
    assert "This model ran on cpu" in out


def test_json_is_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    """archbench.profile/1: the keys, exact integers, shapes as lists without the batch."""
    document = json.loads(succeed(capsys, "summary", "googlenet", "-f", "json"))
    assert document["schema"] == "archbench.profile/1"
    assert document["model"] == "googlenet"
    assert document["inputs"] == [{"name": "x", "dtype": "float32", "shape": [3, 224, 224]}]
    assert document["batch_size"] == 1
    assert document["totals"] == {
        "params": 6998552,
        "trainable_params": 6998552,
        "buffers": 0,
        "macs": 1582671872,
        "flops": 3165343744,
        "activations": 3227160,
        "depth": 22,
        "complete": True,
    }
    first = {"name": "conv1", "output_shape": [64, 112, 112], "params": 9472, "macs": 118013952}
    assert first.items() <= document["stages"][0].items()
    layer = next(row for row in document["layers"] if row["path"] == "conv1.conv")
    expected = {
        "path": "conv1.conv",
        "type": "Conv2d",
        "output_shape": [64, 112, 112],
        "params": 9472,
        "macs": 118013952,
        "calls": 1,
    }
    assert expected.items() <= layer.items()
    assert document["uncounted"] == []
    assert document["uncalled"] == []
    assert document["convention"].startswith("macs: convolution, linear and matrix products")
    assert document == archbench.profile("googlenet").to_dict()


def test_csv_is_the_data_frame(capsys: pytest.CaptureFixture[str]) -> None:
    """Machine names, unit last, no separators, an empty cell where there is nothing."""
    lines = succeed(capsys, "summary", "googlenet", "-f", "csv").split("\n")
    assert lines[0] == (
        "name,type,patch_size_stride,output_shape,depth,n1x1,n3x3_reduce,n3x3,n5x5_reduce,n5x5,"
        "pool_proj,params,macs"
    )
    assert lines[1] == "conv1,convolution,7×7/2,64x112x112,1,,,,,,,9472,118013952"
    assert lines[5].startswith(
        "inception_3a,inception (3a),,256x28x28,2,64,96,128,16,32,32,163696,"
    )


def test_a_summary_says_what_its_arguments_make_of_a_network(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The version line of the row does not stand under another version's numbers."""
    chosen = succeed(
        capsys, "summary", "bn-inception", "--model-kwargs", "version=tf-slim", "-f", "md"
    )
    assert "- arguments: version=tf-slim" in chosen
    assert "- version: chosen by arguments; see \\`archbench info bn-inception\\`" in chosen
    assert "TF-slim cuts the pooling branch of 4c and 4d from 128 to 96" in chosen
    default = succeed(capsys, "summary", "bn-inception", "--model-kwargs", "num_classes=7")
    assert "arguments    num_classes=7" in default
    assert find("bn-inception").differs in " ".join(default.split())
    assert "It prints 576 for 4c and 4d, whose filters add up to 608" in default
    document = json.loads(
        succeed(capsys, "summary", "inception-v2", "--aux", *STEM_7X7, "-f", "json")
    )
    assert document["arguments"] == {"stem": "7x7", "aux": True}
    assert document["stages"][0]["input_shape"] == [3, 299, 299]


def test_cross_check_explains_every_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """Fvcore agrees on products and charges normalisation and pooling."""
    argv = ["summary", "resnet20", "--cross-check", "-f", "json"]
    rows = json.loads(succeed(capsys, *argv))["cross_check"]["operators"]
    by_name = {row["operator"]: row for row in rows}
    assert by_name["convolution"]["difference"] == 0
    assert by_name["linear and matrix products"]["macs"] == 640
    assert "normalisation" in by_name["batch_norm"]["why"]
    assert all(row["why"] for row in rows if row["difference"])
    assert sum(row["macs"] for row in rows) == 40_551_040


def test_cross_check_needs_fvcore_and_nothing_else_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without fvcore the count works, and --cross-check says what is missing."""
    monkeypatch.setitem(sys.modules, "fvcore.nn", None)
    monkeypatch.setitem(sys.modules, "fvcore", None)
    succeed(capsys, "summary", "resnet20")
    assert run(["summary", "resnet20", "--cross-check"]) == 2
    assert "fvcore is needed for --cross-check" in capsys.readouterr().err


RULE = re.compile(r"^import torch\.utils\.flop_counter\n(?:@.*\ndef .*\n)+", re.MULTILINE)


@pytest.fixture
def formulas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of torch's table of formulas, which a test may add to."""
    monkeypatch.setattr(flop_counter, "flop_registry", dict(flop_counter.flop_registry))


def rule_in(out: str) -> str:
    """The lines of Python that a summary prints for operations without a rule."""
    found = RULE.search(out)
    assert found is not None, out
    return found[0]


@pytest.mark.usefixtures("formulas")
def test_a_summary_prints_the_rule_that_is_missing(
    nets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three lines for an operation, to be pasted into the model's file; the count is whole then."""
    argv = ["summary", "nets.py:Secret", "-i", "3x8x8"]
    lines = rule_in(succeed(capsys, *argv)).splitlines()
    assert len(lines) == 3
    assert "torch.ops.nets.secret" in lines[1]
    assert "\n".join(lines) in (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
    file = nets / "nets.py"
    file.write_text(file.read_text() + "\n" + "\n".join(lines) + "\n")
    assert "NOT COUNTED" in succeed(capsys, *argv)  # nobody has written the number yet
    file.write_text(file.read_text().replace("return ...  #", "return 0  #"))
    for _ in range(2):  # the file runs anew each time, and torch refuses a second registration
        out = succeed(capsys, *argv, "--strict")
        assert "MACs         6,952 (6.95 K)" in out
        assert "NOT COUNTED" not in out
        assert "flop_counter" not in out
    file.write_text(file.read_text().replace("return 0  #", "return 2 * math.prod(out_shape)  #"))
    file.write_text("import math\n" + file.read_text())
    # 3·8·8 elements leave the operation
    assert "MACs         7,144 (7.14 K)" in succeed(capsys, *argv, "--strict")


class Several(nn.Module):
    """Runs an operation that takes functions, and one that no table gives a rule."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))
        return torch.ops.aten._compute_linear_combination(x, torch.ones(2, 4))


@pytest.mark.usefixtures("formulas")
@pytest.mark.skipif(not hasattr(torch, "cond"), reason="this torch has no torch.cond")
def test_the_rules_of_several_operations_stand_together() -> None:
    """An import, and two lines for each of them."""
    profile = archbench.profile(Several(), inputs=torch.ones(4, 3))
    assert [op.op for op in profile.uncounted] == [
        "higher_order.cond",
        "aten._compute_linear_combination",
    ]
    [(heading, lines)] = summary_report(Summary(profile)).listings
    assert heading == (
        "To count higher_order.cond, aten._compute_linear_combination, put this into the model's "
        "file"
    )
    assert len(lines.splitlines()) == 5
    exec(lines.replace("return ...", "return 4"), {})  # what they are for
    complete = archbench.profile(Several(), inputs=torch.ones(4, 3), strict=True)
    assert (complete.uncounted, complete.totals.macs) == ((), 4)
