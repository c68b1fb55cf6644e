"""The commands as a user types them: what they print, where, and how they end."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import archbench
from archbench.app import run
from archbench.networks.registry import find
from archbench.shell import interrupt
from archbench.timing.jobs import Job
from tests.repository import ROOT
from tests.systems import needs_posix

comparing = import_module("archbench.commands.compare.run")  # archbench.compare is the function

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3)))

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 8)
        self.mix = nn.Linear(8, 4)

    def forward(self, image, ids):
        return self.mix(self.embed(ids)).sum() + image.sum()

class Fourier(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x).real

class Fails(nn.Module):
    def forward(self, x):
        raise ValueError("no such luck")

class Leaves(nn.Module):
    def forward(self, x):
        raise SystemExit(0)

class Chatty(Net):
    def forward(self, x):
        print("forward talks")
        return super().forward(x)

class Reads(Net):
    def forward(self, x):
        return super().forward(x) if x.abs().sum() > 0 else x

def build(width=4):
    return Net(width)

def raises():
    raise RuntimeError("factory is closed")

def nothing():
    return 3

async def wait():
    return Net()

ready = Net(8)
number = 3
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the user's own networks, in which the command runs."""
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "broken.py").write_text("import there_is_no_such_thing\n")
    with suppress(OSError):  # Windows lets few users make links
        (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "exits.py").write_text("raise SystemExit(0)\n")
    package = tmp_path / "mypkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(NETS)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "in_src.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("nets", "broken", "exits", "mypkg", "mypkg.net", "in_src"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def succeed(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Run a command that must end well; return what it put on standard output."""
    code = run(argv)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


REFUSED = [
    (["summary", "gogle"], 2, "no architecture named 'gogle'", "did you mean 'googlenet'"),
    (["compare", "resnet34", "plain43", "--no-bench"], 2, "'plain43'", "did you mean 'plain"),
    (["compare", "resnet34"], 2, "two models or more", "archbench compare"),
    (["summary", "missing.py:build"], 2, "no file 'missing.py'", "MODEL is"),
    (["summary", "nets.py"], 2, "names a file, but nothing in it", "nets.py:build"),
    (["summary", "nets.py:bild", "-i", "3x8x8"], 2, "nothing named 'bild'", "nets.py:build"),
    (["summary", "nets.py:zzz", "-i", "3x8x8"], 2, "nothing named 'zzz'", "it defines Net, Two"),
    (["summary", "no.such.pkg:Net", "-i", "3x8x8"], 2, "no module named 'no.such.pkg'", "MODEL is"),
    (["summary", "mypkg.nope:Net", "-i", "3x8x8"], 2, "no module named 'mypkg.nope'", "MODEL is"),
    (["summary", "nets.py:number", "-i", "3x8x8"], 2, "is an int, not a function", ""),
    (["summary", "nets.py:nothing", "-i", "3x8x8"], 2, "returned an int, not a torch.nn", ""),
    (["summary", "nets.py:ready", "-i", "8", "--model-kwargs", "a=1"], 2, "takes no arguments", ""),
    (["summary", "nets.py:build"], 2, "needs an input size", "3x224x224"),
    (["summary", "nets.py:raises", "-i", "3x8x8"], 3, "RuntimeError: factory is closed", "--debug"),
    (["summary", "broken.py:build"], 3, "ModuleNotFoundError: No module named 'there", "--debug"),
    (["summary", "exits.py:build"], 3, "importing 'exits.py' raised SystemExit", "--debug"),
    (["summary", "nets.py:Fails", "-i", "3x8x8"], 3, "ValueError: no such luck", "--debug"),
    (["summary", "nets.py:Leaves", "-i", "3x8x8"], 3, "SystemExit", "--debug"),
    (["summary", "nets.py:build", "-i", "4x8x8"], 3, r"conv (Conv2d) on an input of 1x4x8x8", ""),
    (["summary", "nets.py:build", "-i", "8", "--model-kwargs", "wide=2"], 2, "wide", "--model-kw"),
    (["summary", "nets.py:build", "-i", "8", "--model-kwargs", "wide"], 2, "name=value", ""),
    (
        ["summary", "googlenet", "--model-kwargs", "widht=2"],
        2,
        "no argument 'widht'",
        "num_classes",
    ),
    (["summary", "googlenet", "-i", "3y224"], 2, "'3y224' is not an input size", "3x224x224"),
    (["summary", "googlenet", "-i", ""], 2, "'' is not an input size", "3x224x224"),
    (["summary", "googlenet", "-i", "3x0x224"], 2, "0 is not positive", "3x224x224"),
    (["summary", "googlenet", "--input-size=-3x224x224"], 2, "-3 is not positive", "3x224x224"),
    (["summary", "googlenet", "-i", "a:b:c:d"], 2, "not an input size", "3x224x224"),
    (
        ["summary", "googlenet", "-i", "x:flot:3x4"],
        2,
        "'flot' in 'x:flot:3x4' is not a dtype",
        "int",
    ),
    (["summary", "googlenet", "-i", "y:float32:3x4"], 2, "no input named 'y'", "it takes x"),
    (["summary", "googlenet", "-i", "1x224x224"], 2, "cannot take an input of 1x224", "3x224x224"),
    (["summary", "resnet50", "-i", "3x224"], 2, "cannot take an input of 3x224", "3x224x224"),
    (["summary", "googlenet", "--aux", "-i", "8"], 2, "cannot take an input of 3x8x8", "own input"),
    (["summary", "googlenet", "-b", "0"], 2, "batch size 0", "-b 1"),
    (["summary", "googlenet", "-d", "cuda"], 2, "no 'cuda' device", "-d cpu"),
    (["summary", "googlenet", "-d", "gpu"], 2, "'gpu' is not a device", "cuda"),
    (["compare", "resnet20", "plain20", "-d", "cuda"], 2, "no 'cuda' device", "-d cpu"),
    (
        ["summary", "googlenet", "-o", "no/such/dir/x.csv"],
        2,
        "cannot be written",
        "existing folder",
    ),
    (["summary", "googlenet", "-o", "mypkg"], 2, "it is a folder", "existing folder"),
    (
        ["summary", "googlenet", "-f", "json", "-o", "x.csv"],
        2,
        "contradicts the suffix",
        "leave out",
    ),
    (["summary", "googlenet", "-f", "yaml"], 2, "yaml", "--help"),
    (["summary", "googlenet", "--no-such"], 2, "no such option", "`archbench summary --help`"),
    (["summary"], 2, "missing argument", "`archbench summary --help`"),
    (["sumary", "googlenet"], 2, "no such command 'sumary'", "`archbench --help`"),
    (["list", "--family", "vgg"], 2, "no family 'vgg'", "baseline, inception, plain, resnet"),
    (["summary", ":build", "-i", "8"], 2, "':build' is not a MODEL", "MODEL is"),
    (["summary", "nets.py:", "-i", "8"], 2, "'nets.py:' is not a MODEL", "MODEL is"),
    (["summary", "..:x", "-i", "8"], 2, "neither a module's name nor a Python file", "MODEL is"),
    (["summary", "nets.py:wait", "-i", "8"], 2, "returned a coroutine", ""),
    (["summary", "red\033[31m\n\tx"], 2, r"named 'red\x1b[31m\n\tx'", "archbench list"),
    (["summary", "y" * 5000], 2, "yyyy", "archbench list"),
    (["summary", "resnet20", "--layers", "--depth", "2"], 2, "--layers shows", "choose one"),
    (["summary", "resnet20", "-i", "1_0"], 2, "'1_0' is not an input size", "3x224x224"),
    (["summary", "resnet20", "-b", "9" * 30], 2, "larger than any tensor", "smaller -b"),
    (["summary", "resnet20", "-o", "loop.csv"], 2, "cannot be written", "existing folder"),
    (["summary", "resnet20", "-o", "y" * 300 + ".csv"], 2, "cannot be written", "existing folder"),
    (["compare", "resnet20", "plain20", "-b", "100000000"], 2, "not fit into memory", "smaller -b"),
    (["compare", "resnet20", "plain20", "--threads", "99999"], 2, "--threads", "--help"),
    (["list", "resnet18", "--family", "plain"], 2, "of the family 'plain' matches", "list"),
    (["info", "inception"], 2, "named 'inception'", "did you mean 'inception-v"),
    (["info", "nets.py:Two"], 2, "named 'nets.py:Two'", "archbench list"),
    (
        ["summary", "vgg16", "--model-kwargs", "weights=a.pth"],
        *(2, "weights change no count", "archbench.build"),
    ),
    (["summary", "vgg16", "-i", "160"], 2, "cannot take an input of 3x160x160", "3x224x224"),
    (["summary", "inception-v4", "--aux", "-i", "224"], 2, "cannot take", "3x299x299"),
    (
        ["summary", "inception-resnet-v1", "--aux"],
        2,
        "no argument 'aux'",
        "num_classes, residual_scale",
    ),
    (["summary", "inception-module", "--aux"], 2, "no argument 'aux'", "it takes none"),
    (["list", "resnet"], 2, "matches 'resnet'", "'*resnet*'"),
    (["list", "zzz*"], 2, "matches 'zzz*'", "archbench list"),
    (["summary", "torchvision:resnet5O"], 2, "torchvision", ""),
]


@pytest.mark.parametrize(("argv", "code", "line", "hint"), REFUSED, ids=lambda v: str(v)[:60])
def test_bad_input_gets_one_line_one_hint_and_its_exit_code(
    nets: Path, capsys: pytest.CaptureFixture[str], argv: list[str], code: int, line: str, hint: str
) -> None:
    """No traceback, nothing on standard output."""
    if "cuda" in argv and __import__("torch").cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert run(argv) == code
    captured = capsys.readouterr()
    assert "-o" in argv or "-b" in argv or captured.out == ""
    lines = captured.err.strip().split("\n")
    assert lines[0].startswith("archbench: ")
    assert line in lines[0]
    if hint:
        assert lines[1].startswith("hint: ")
        assert hint in lines[1]
    assert len(lines) <= 2


def test_debug_shows_the_traceback(nets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The user's own line is in it."""
    assert run(["summary", "nets.py:Fails", "-i", "3x8x8", "--debug"]) == 3
    err = capsys.readouterr().err
    assert 'raise ValueError("no such luck")' in err
    assert err.strip().split("\n")[-2].startswith("archbench: ")


def test_a_bug_is_called_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What archbench did not foresee ends with 70 and a traceback to report."""

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("archbench.commands.shelf.command.shelf_report", fail)
    assert run(["list"]) == 70
    assert "ZeroDivisionError" in (err := capsys.readouterr().err)
    assert "bug in archbench" in err


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
    assert run(["summary", "nets.py:Fourier", "-i", "3x8x8"]) == 0
    captured = capsys.readouterr()
    assert "NOT COUNTED" in captured.out
    assert "aten._fft_r2c" in captured.out
    assert "--strict would exit 4" in captured.err
    assert run(["summary", "nets.py:Fourier", "-i", "3x8x8", "--strict"]) == 4
    assert "aten._fft_r2c" in capsys.readouterr().err
    assert run(["summary", "nets.py:Fourier", "-i", "3x8x8", "--strict", "-o", "kept.csv"]) == 4
    assert (nets / "kept.csv").read_text().startswith("path,")


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


@pytest.mark.parametrize("suffix", ["csv", "json", "md", "txt"])
def test_output_goes_to_a_file_in_the_format_of_its_suffix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """The same text as on standard output, and nothing there."""
    form = {"txt": "table"}.get(suffix, suffix)
    expected = succeed(capsys, "summary", "resnet20", "-f", form)
    path = tmp_path / f"out.{suffix}"
    path.write_text("old")
    path.chmod(0o640)
    assert succeed(capsys, "summary", "resnet20", "-o", str(path)) == ""
    assert path.read_text() == expected
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_command_leaves_an_existing_file_alone(
    nets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no draft beside it."""
    before = sorted(nets.iterdir())
    (nets / "out.json").write_text("precious")
    assert run(["summary", "nets.py:Fails", "-i", "3x8x8", "-o", "out.json"]) == 3
    assert (nets / "out.json").read_text() == "precious"
    assert sorted(nets.iterdir()) == sorted([*before, nets / "out.json"])


@needs_posix("links, and /dev/null")
def test_a_link_is_written_through_and_a_device_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """-o of a symbolic link changes its target; -o /dev/null stays /dev/null."""
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    link.symlink_to(target)
    succeed(capsys, "list", "-o", str(link))
    assert link.is_symlink()
    assert target.read_text().startswith("name,")
    succeed(capsys, "list", "-f", "csv", "-o", "/dev/null")
    assert not Path("/dev/null").is_file()


def test_list_shows_the_shelf(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, one family, or a glob; JSON as in the contract."""
    document = json.loads(succeed(capsys, "list", "-f", "json"))
    assert document["schema"] == "archbench.list/1"
    assert {row["name"] for row in document["architectures"]} >= {"googlenet", "resnet1202"}
    assert document["architectures"][0].keys() == {
        *("name", "family", "year", "paper", "input_shape", "num_classes", "differs"),
        *("published_errors", "params", "macs", "depth"),
    }
    plain = succeed(capsys, "list", "--family", "plain", "-f", "csv").strip().split("\n")[1:]
    assert [line.split(",")[0] for line in plain] == [
        *("plain18", "plain34", "plain20", "plain32", "plain44", "plain56", "plain110")
    ]
    assert len(succeed(capsys, "list", "resnet50*", "-f", "csv").strip().split("\n")) == 3


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


STEM_7X7 = ("--model-kwargs", "stem=7x7")


def test_info_tells_where_a_network_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Paper, errors with their conditions, conventions, arguments and variants, in every format."""
    out = succeed(capsys, "info", "inception-v3")
    for said in (
        "Rethinking the Inception Architecture for Computer Vision",
        "https://arxiv.org/abs/1512.00567",
        "21.2 / 5.6",
        "48,238 images",
        "0.1, to a uniform prior",
        "params     23,834,568",
        "inception-v2",
    ):
        assert said in out
    document = json.loads(succeed(capsys, "info", "bn-inception", "-f", "json"))
    assert document["schema"] == "archbench.info/1"
    assert document["published_errors"][0] == {
        "data": "ImageNet 2012 val",
        "top1_error_percent": 25.2,
        "top5_error_percent": 7.82,
        "views": "1 crop",
        "models": 1,
        "source": "arXiv:1502.03167, figure 4",
    }
    assert set(document["arguments"]) == {"num_classes", "version"}
    lines = succeed(capsys, "info", "plain20", "-f", "csv").strip().split("\n")
    assert lines[:2] == ["field,value", "name,plain20"]
    assert "## alexnet" in succeed(capsys, "info", "alexnet", "-f", "md")


def test_compare_says_that_nothing_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """resnet34 and plain34: equal in everything that is counted, but for the additions."""
    out = succeed(capsys, "compare", "resnet34", "plain34", "--no-bench")
    assert "plain34 and resnet34: no difference in params or MACs, in total or in any stage." in out
    assert "≠" not in out
    row = next(line for line in out.split("\n") if line.startswith("aten.add "))
    assert row.split() == ["aten.add", "16", "0"]


def test_compare_marks_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """By stage, and in words; several models against the first."""
    out = succeed(capsys, "compare", "resnet34", "resnet34-b", "resnet18", "--no-bench")
    marked = [line for line in out.split("\n") if line.rstrip().endswith("≠ params, MACs")]
    assert [line.split()[0] for line in marked] == ["conv2_x", "conv3_x", "conv4_x", "conv5_x"]
    assert "resnet34-b against resnet34: params larger, 1.008 times as many; MACs larger" in out
    assert "resnet18 against resnet34: params smaller, 0.533 times as many" in out


def test_compare_measures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Latency of both with an interval of the ratio, over fresh processes that really run."""
    comparison_jobs = comparing.comparison_jobs

    def briefly(*args: Any) -> list[Job]:
        """However long a busy machine takes to start a process: half a second each."""
        return [replace(job, measure_s=0.5) for job in comparison_jobs(*args)]

    monkeypatch.setattr(comparing, "comparison_jobs", briefly)
    argv = ["compare", "resnet20", "plain20", "-i", "8", "--sessions", "2", "--max-time", "300"]
    document = json.loads(succeed(capsys, *argv, "-f", "json"))
    assert document["schema"] == "archbench.compare/1"
    assert [model["name"] for model in document["models"]] == ["resnet20", "plain20"]
    assert document["models"][0]["totals"]["params"] == 269_722
    timing = document["models"][1]["timing"]
    assert timing["latency_median_s"] > 0
    assert timing["samples"] >= 2
    assert timing["sessions"] == 2
    change = document["changes"][-1]
    assert (change["metric"], change["subject"], change["model"]) == (
        "latency_median_s", "total", "plain20",
    )  # fmt: skip
    assert change["low"] <= change["ratio"] <= change["high"]
    assert change["verdict"] in ("faster", "slower", "no_difference", "inconclusive")


def test_compare_without_measuring_has_no_timing(capsys: pytest.CaptureFixture[str]) -> None:
    """null, not 0."""
    argv = ["compare", "resnet20", "plain20", "--no-bench", "-f", "json"]
    document = json.loads(succeed(capsys, *argv))
    assert [model["timing"] for model in document["models"]] == [None, None]
    assert {change["verdict"] for change in document["changes"]} <= {"equal", "smaller", "larger"}


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


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """--version, no command at all, and the exit codes in --help."""
    assert succeed(capsys, "--version") == f"archbench {archbench.__version__}\n"
    for argv in ((), ("--help",), ("-h",)):
        out = succeed(capsys, *argv)
        assert "summary" in out
        assert "Exit codes" in out
    coloured = succeed(capsys, "summary", "--help")  # as Typer does where it sees a CI
    assert "--cross-check" in re.sub(r"\x1b\[[0-9;]*m", "", coloured)


def command(*argv: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "archbench", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("argv", [["list"], ["--help"], ["summary", "resnet20", "--layers"]])
def test_a_closed_pipe_ends_quietly(argv: list[str]) -> None:
    """As with `| head`: exit code 0 and nothing on standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    child = subprocess.Popen(
        [sys.executable, "-m", "archbench", *argv], stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert child.communicate(timeout=60)[1] == ""
    assert child.returncode == 0


@needs_posix("a shell closes standard output")
@pytest.mark.parametrize("argv", [["list"], ["list", "-f", "csv"], ["--help"], ["--version"]])
@pytest.mark.parametrize("where", ["/dev/full", "closed"])
def test_a_standard_output_that_takes_nothing_is_told_in_one_line(
    argv: list[str], where: str
) -> None:
    """A full disk, or `>&-`: exit code 2 and no traceback."""
    to = ">&-" if where == "closed" else f">{where}"
    shell = f"{shlex.join([sys.executable, '-m', 'archbench', *argv])} {to}"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True)
    if where == "closed" and argv[0].startswith("--"):
        assert (done.returncode, done.stderr) == (0, "")  # Python drops what has nowhere to go
        return
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().split("\n")) <= 2
    assert done.stderr.startswith("archbench: ")


def test_an_interrupt_that_an_import_swallowed_still_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is written, it is looked for again."""
    monkeypatch.setattr(interrupt, "_pressed", threading.Event())
    with pytest.raises(KeyboardInterrupt):
        interrupt._note(signal.SIGINT, None)
    assert run(["summary", "resnet20"]) == 130
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "argv", [["list"], ["--help"], ["--version"], ["info", "vgg16", "-f", "json"]]
)
def test_torch_is_not_imported_where_it_is_not_needed(argv: list[str]) -> None:
    """`--help`, `--version` and `list` answer at once."""
    code = (
        "import sys; from archbench.app import run; code = run(sys.argv[1:]); "
        "heavy = {'torch', 'pandas', 'numpy', 'fvcore'} & set(sys.modules); "
        "sys.exit(code or (str(heavy) if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_completion_offers_architectures() -> None:
    """The shell's Tab knows the registry."""
    typed = {"COMP_WORDS": "archbench summary goo", "COMP_CWORD": "2"}
    child = command(env={**os.environ, **typed, "_ARCHBENCH_COMPLETE": "complete_bash"})
    assert "googlenet-torchvision" in child.communicate(timeout=60)[0].split()


def test_every_command_is_documented() -> None:
    """Each has a sentence, and stands in the README."""
    from archbench.app import app

    readme = (ROOT / "README.md").read_text()
    for info in app.registered_commands:
        callback: Callable[..., Any] | None = info.callback
        assert callback is not None
        assert callback.__doc__
        assert f"archbench {info.name}" in readme
