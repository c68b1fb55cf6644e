"""Every sum that leads to another tool's number, held to the tool or to what is published."""

import importlib
import io
import json
import shlex
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import torch.nn.functional as F  # torch's own name for it
from rich.console import Console
from torch import Tensor, nn

from archbench.analysis.tools import counters
from archbench.analysis.tools.counters import COUNTERS
from archbench.analysis.tools.counting_rules import RULES
from archbench.analysis.tools.published_rules import PUBLISHED
from archbench.analysis.tools.records import Printed
from archbench.app import run
from archbench.commands.explain.published_totals import published_totals, steps, way
from archbench.commands.explain.reconcile import QUANTITIES
from archbench.commands.explain.records import Explanation, Reconciliation
from archbench.commands.explain.report import explain_report
from archbench.commands.explain.run import explain
from archbench.errors import ArchbenchError
from archbench.networks.registry import find
from archbench.papers.networks import built_as
from archbench.tables.render import show

TOOLS = [counter.name for counter in COUNTERS]


@cache
def explained(model: str, run_tools: bool = True) -> Explanation:
    """Explain a network of the shelf once for all tests."""
    name, kwargs = built_as(model)
    return explain(name, kwargs, run_tools=run_tools)


def of(explanation: Explanation, tool: str, quantity: str = "macs") -> Reconciliation:
    """One tool's."""
    found = [r for r in explanation.reconciliations if (r.tool, r.quantity) == (tool, quantity)]
    assert len(found) == 1
    return found[0]


def hold(explanation: Explanation, tool: str) -> None:
    """The tool itself prints what the sum comes to, params too where it counts them."""
    counter = next(counter for counter in COUNTERS if counter.name == tool)
    for quantity in QUANTITIES if counter.counts_params else ("macs",):
        found = of(explanation, tool, quantity)
        if found.status == "not_installed":
            pytest.skip(f"{tool} is not installed")
        assert found.status == "run", found.source
        assert found.printed is not None
        assert found.printed.value == found.total


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    "model", ["resnet20", "googlenet", "resnet50", "highway32", "dsn aux=true"]
)
def test_the_sum_is_what_the_tool_prints(model: str, tool: str) -> None:
    """To the digit: normalised, with biases and LRN, with gates, with auxiliary heads."""
    hold(explained(model), tool)


class Functional(nn.Module):
    """A convolution without a module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and rectify."""
        return F.relu(F.conv2d(x, self.weight, padding=1))


class Derived(nn.Linear):
    """A linear layer of another class."""


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(16, 16, bias=False)
        self.second = nn.Linear(16, 16, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        """Apply both."""
        return self.second(self.first(x))  # type: ignore[no-any-return]  # nn.Module calls are untyped


class Uncalled(nn.Module):
    """A layer that never runs, and one that is not called as a module."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Conv2d(3, 8, 3)
        self.idle = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        """Run one of them, past its hooks."""
        return self.used.forward(x)


class Gate(nn.Module):
    """Element-wise products, a mean, normalisation without scale."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        """Gate the input."""
        gated = x * torch.sigmoid(self.conv(x))
        return gated + self.norm(x).mean((2, 3), keepdim=True)


class Attention(nn.Module):
    """Fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(32, 32)

    def forward(self, x: Tensor) -> Tensor:
        """Attend."""
        return F.scaled_dot_product_attention(self.query(x), x, x)


def frozen() -> nn.Module:
    """A convolution whose weight does not learn."""
    conv = nn.Conv2d(3, 8, 3)
    conv.weight.requires_grad_(False)
    return nn.Sequential(conv)


def layers() -> nn.Module:
    """One of each kind of layer that some tool has a rule of its own for."""
    return nn.Sequential(
        *(nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.InstanceNorm2d(4, affine=True)),
        *(nn.LayerNorm(8), nn.LocalResponseNorm(4), nn.PReLU(4), nn.LeakyReLU(), nn.GELU()),
        *(nn.SiLU(), nn.ELU(), nn.ReLU6(), nn.AvgPool2d(3, 2), nn.AdaptiveAvgPool2d(2)),
        *(nn.MaxPool2d(2), nn.Conv2d(4, 4, 1, groups=4)),
    )


class RowsAsSamples(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.reshape(-1, 8))


class AttentionByName(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mixed = nn.functional.scaled_dot_product_attention(query=x, key=x, value=x)
        return nn.functional.scaled_dot_product_attention(mixed, key=x, value=x)


class ConvolutionByName(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x, weight=self.weight, padding="same")


PROBES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "layers": (layers, (4, 8, 8)),
    "named padding": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3, padding="same")), (3, 8, 8)),
    "transposed": (lambda: nn.Sequential(nn.ConvTranspose2d(4, 6, 4, 2, 1)), (4, 8, 8)),
    "sequence": (lambda: nn.Sequential(nn.Linear(32, 64)), (197, 32)),
    "derived": (lambda: nn.Sequential(Derived(32, 64)), (32,)),
    "functional": (Functional, (3, 8, 8)),
    "tied": (Tied, (16,)),
    "uncalled": (Uncalled, (3, 8, 8)),
    "gate": (Gate, (3, 8, 8)),
    "attention": (Attention, (4, 64, 32)),
    "frozen": (frozen, (3, 8, 8)),
    "attention by name": (AttentionByName, (4, 64, 32)),
    "adaptive maximum": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveMaxPool2d(2)),
        (3, 8, 8),
    ),
    "rows as samples": (RowsAsSamples, (4, 6, 8)),
    "convolution by name": (ConvolutionByName, (3, 8, 8)),
}


@cache
def probed(name: str) -> Explanation:
    """Explain a probe once for all tools."""
    make, size = PROBES[name]
    return explain(make(), input_size=size)


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", PROBES)
def test_the_sum_holds_where_tools_are_known_to_be_wrong(name: str, tool: str) -> None:
    """What a tool counts twice, at other positions or not at all is a term as well."""
    hold(probed(name), tool)


class Tiny(nn.Sequential):
    """Small enough to count by hand: on 3x8x8 the convolution gives 4x8x8, 256 elements."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
        )


BY_HAND = {
    "fvcore": {
        "batch normalisation, 2 per element": 2 * 256,
        "adaptive average pooling, 1 per input element": 64,
    },
    "torchinfo": {
        "biases of convolutions, at every position": 256,
        "biases of linear layers, once per sample": 2,
        "weights and biases of other modules, once per sample": 8,
    },
    "ptflops": {
        "biases of convolutions": 256,
        "biases of linear layers": 2,
        "normalisation, 2 per element": 2 * 256,
        "activation modules, 1 per element": 256,
        "activation functions, those of the modules again": 256,
        "pooling modules, 1 per input element": 256 + 64,
        "pooling functions, those of the modules again": 256 + 64,
    },
    "thop": {
        "normalisation, 4 per element": 4 * 256,
        "adaptive average pooling, 1 per input element": 64,
        "adaptive average pooling, 1 per output element": 4,
    },
    "torchprofile": {
        "normalisation, 1 per element": 256,
        "average pooling and means, 1 per output element": 4,
    },
    "FlopCounterMode": {"FLOP = 2 × MAC": 256 * 27 + 8},
}


@pytest.mark.parametrize("tool", TOOLS)
def test_terms_of_a_tiny_network_are_those_by_hand(tool: str) -> None:
    """Each by its name, and none besides; no tool is needed for it."""
    explanation = explain(Tiny(), input_size=(3, 8, 8), run_tools=False)
    assert (explanation.macs, explanation.params) == (256 * 27 + 8, 112 + 8 + 10)
    found = of(explanation, tool)
    assert {term.name: term.amount for term in found.terms} == BY_HAND[tool]
    assert found.total == explanation.macs + sum(BY_HAND[tool].values())


# -- what libraries publish ------------------------------------------------------------------------


@pytest.mark.parametrize("network", sorted({step.network for step in steps()} | {"vgg16", "vgg19"}))
def test_published_totals_are_reached_from_every_version(network: str) -> None:
    """Step by step through the shelf, then by what the library counts otherwise."""
    explanation = explained(network, run_tools=False)
    published = [r for r in explanation.reconciliations if r.status == "published"]
    exceptions = ("inception-resnet-v2", "resnet34-b", "resnet110", "resnet1202")
    assert published or network.startswith(exceptions)
    for found in published:
        assert found.agrees, (found.tool, found.total)


def test_every_published_total_is_reached_from_its_own_network() -> None:
    """To the digit, or as it is rounded."""
    for total in published_totals():
        start = total.network.removesuffix(" aux=true").removesuffix(" version=tf-slim")
        start = start.removesuffix(" groups=1")
        found = [
            r
            for r in explained(start, run_tools=False).of(total.quantity)
            if r.tool == total.tool and r.status == "published"
        ]
        assert [r.agrees for r in found] == [True], total


@pytest.mark.parametrize(
    ("model", "tool", "terms", "total"),
    [
        (
            "resnet50",
            "Keras",
            {"biases of convolutions in front of normalisation": 26560, "moving mean": 53120},
            25_636_712,
        ),
        ("inception-v3", "Keras", {"moving mean": 34432, "no scale": -17216}, 23_851_784),
        ("inception-v3", "torchvision", {"auxiliary heads": 3_326_696}, 27_161_264),
        (
            "googlenet",
            "torchvision",
            {"batch normalisation for biases": 7280, "3x3 for 5x5": -380_928},
            6_624_904,
        ),
        ("googlenet", "Caffe", {}, 6_998_552),
        ("alexnet", "Stack Overflow", {"no groups": 307_200 + 663_552 + 442_368}, 62_378_344),
        (
            "resnet18-b",
            "pytorch-cifar",
            {"3x3 stem": -3 * 64 * (49 - 9) - 990 * 513},
            11_173_962,
        ),
        (
            "bn-googlenet",
            "TF-slim",
            {"3x3": -380_928, "without the": -1_025_000, "moving": 14560, "no scale": -7280},
            5_607_184,
        ),
    ],
)
def test_well_known_totals(model: str, tool: str, terms: dict[str, int], total: int) -> None:
    """The published number, and its terms as they are known."""
    found = of(explained(model, run_tools=False), tool, "params")
    assert found.printed == Printed(f"{total:,}")
    assert found.total == total
    for (start, amount), term in zip(terms.items(), found.terms, strict=True):
        assert term.name.startswith(start)
        assert term.amount == amount


def test_the_stride_of_v1_5_is_the_gap_to_torchvision() -> None:
    """Three 1x1 convolutions on four times the positions: 4.089 where the paper has 3.8."""
    explanation = explained("resnet50", run_tools=False)
    found = of(explanation, "torchvision")
    # the first 1x1 of stages 3 to 5, from 2w channels to w, no longer halves the grid
    more = sum(3 * (56 // s) ** 2 * 2 * w * w for s, w in ((2, 128), (4, 256), (8, 512)))
    assert [(term.name, term.amount) for term in found.terms] == [
        ("stride on the 3x3, as in v1.5", more)
    ]
    (paper,) = [r for r in explanation.of("macs") if r.tool == "paper"]
    assert paper.printed is not None and paper.printed.whole == "3.8 × 10^9"
    assert (paper.verdict, paper.unexplained) == ("truncated", 0)


def test_the_published_totals_are_well_formed() -> None:
    """Known quantities and conventions, networks of the registry, and each total once."""
    keys = [(t.tool, t.model, t.network, t.quantity) for t in published_totals()]
    assert len(set(keys)) == len(keys)
    for total in published_totals():
        assert total.quantity in QUANTITIES
        assert set(total.counted) <= set(PUBLISHED)
        assert total.source
        assert find(built_as(total.network)[0])
    for step in steps():
        assert find(built_as(step.network)[0]).module == find(built_as(step.other)[0]).module


def test_ways_lead_in_both_directions_and_nowhere_else() -> None:
    """The same steps, named from the other side."""
    assert way("resnet50-v1.5", "resnet50") == [("stride on the 1x1, as in v1", "resnet50")]
    assert way("resnet50", "resnet101") is None
    assert way("vgg16", "vgg16") == []


# -- networks that equal one of the registry -------------------------------------------------------


class CifarBlock(nn.Module):
    """A basic block whose parts have names of their own."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()),
            *(nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out)),
        )
        self.skip = nn.Sequential()
        if stride != 1:
            conv = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
            self.skip = nn.Sequential(conv, nn.BatchNorm2d(c_out))
        self.joins = True

    def forward(self, x: Tensor) -> Tensor:
        """Compute both ways; add them if the block joins."""
        y, skipped = self.body(x), self.skip(x)
        return F.relu(y + skipped if self.joins else y)


def basic_net(stem: nn.Module, classes: int) -> nn.Sequential:
    """Return a network of eight basic blocks, as repositories have it."""
    widths = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
    blocks = [CifarBlock(i, o, s) for i, c, s0 in widths for i, o, s in ((i, c, s0), (c, c, 1))]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))
    return nn.Sequential(stem, *blocks, head)


def small_net() -> nn.Sequential:
    """Return the form for CIFAR-10."""
    conv = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
    return basic_net(nn.Sequential(conv, nn.BatchNorm2d(64), nn.ReLU()), 10)


def large_net() -> nn.Sequential:
    """Return the form for ImageNet."""
    conv = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
    pool = nn.MaxPool2d(3, 2, 1)
    return basic_net(nn.Sequential(conv, nn.BatchNorm2d(64), nn.ReLU(), pool), 1000)


def totals_of(explanation: Explanation, quantity: str) -> dict[str, int]:
    """Return the differences to what libraries publish, by library."""
    return {
        r.tool: r.total - r.start
        for r in explanation.reconciliations
        if r.quantity == quantity and r.status == "published"
    }


def test_a_network_that_equals_one_of_the_registry_gets_its_published_totals() -> None:
    """11,173,962 params and 0.56 G MACs, and the way to the ImageNet network."""
    explanation = explain(small_net(), input_size=(3, 32, 32), run_tools=False)
    assert (explanation.params, explanation.macs) == (11_173_962, 555_422_720)
    params = totals_of(explanation, "params")
    assert (params["pytorch-cifar"], params["DA2Lite"], params["torchvision"]) == (0, 0, 515_550)
    assert totals_of(explanation, "macs")["DA2Lite"] == 0
    assert any("equals `resnet18-b stem=cifar`" in note for note in explanation.notes)


def test_a_network_without_a_size_gets_that_of_its_twin() -> None:
    """The size is said to be the twin's; parameters alone tell which one."""
    explanation = explain(large_net(), run_tools=False)
    assert explanation.inputs.endswith("224×224×3")
    assert totals_of(explanation, "macs")["torchvision"] == 0
    assert any("this one is of `resnet18-b`" in note for note in explanation.notes)
    with pytest.raises(ArchbenchError, match="needs an input size"):
        explain(nn.Linear(5, 3), run_tools=False)


def test_at_another_size_only_params_are_published() -> None:
    """The twin is counted on the same input; its MACs there are nobody's."""
    explanation = explain(large_net(), input_size=(3, 160, 160), run_tools=False)
    assert totals_of(explanation, "params")["torchvision"] == 0
    assert totals_of(explanation, "macs") == {}


def test_a_network_that_counts_the_same_and_joins_nothing_is_no_twin() -> None:
    """Equal params, MACs and depth, and none of the eight additions."""
    model = large_net()
    for block in model:
        if isinstance(block, CifarBlock):
            block.joins = False
    explanation = explain(model, input_size=(3, 224, 224), run_tools=False)
    assert totals_of(explanation, "params") == {}
    assert any("none of them equals" in note for note in explanation.notes)


def test_arguments_that_make_a_known_network_are_recognised() -> None:
    """resnet18 with option B is resnet18-b; defaults that are written out change nothing."""
    found = explain("resnet18", {"shortcut": "B", "num_classes": 1000}, run_tools=False)
    assert totals_of(found, "params")["torchvision"] == 0
    other = explain("resnet18", {"num_classes": 7}, run_tools=False)
    assert totals_of(other, "params") == {}


def test_a_printed_figure_that_fits_two_versions_says_so() -> None:
    """0.27M is 269,722 with option A, and 272,474 with B: 2,560 weights and 192 of batch norm."""
    notes = explained("resnet20", run_tools=False).notes
    assert f"fits `resnet20 shortcut=B` too: {269_722 + 16 * 32 + 32 * 64 + 192:,} params" in str(
        notes
    )
    assert not any("fits" in note for note in explained("resnet50", run_tools=False).notes)


# -- tools that are missing or fail ----------------------------------------------------------------


def test_tools_that_are_not_installed_are_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sums follow from their rules all the same."""

    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(counters, "version", missing)
    explanation = explain("resnet20")
    for found in explanation.reconciliations:
        if found.tool in TOOLS:
            assert (found.status, found.printed, found.agrees) == ("not_installed", None, None)
    assert of(explanation, "fvcore").total == of(explained("resnet20"), "fvcore").total


def test_papers_are_reached_by_named_terms() -> None:
    """VGG-16's 15.3 leaves the linear layers out; 2.0 is one digit off; 3.8 nothing reaches."""
    vgg = next(r for r in explained("vgg16", False).of("macs") if r.tool == "paper")
    assert [(t.name, t.amount) for t in vgg.terms] == [("convolutions only", -123_633_664)]
    assert (vgg.verdict, vgg.agrees, vgg.unexplained) == ("rounded", True, 0)
    near = next(r for r in explained("bn-inception", False).of("macs") if r.tool == "paper")
    assert (near.verdict, near.agrees, near.unexplained) == ("within_1_unit", True, 0)
    off = next(r for r in explained("prelu-net-c", False).of("macs") if r.tool == "paper")
    assert (off.verdict, off.unexplained) == ("inconsistent", 53_000_000_000 - 53_463_130_112)
    explanation = explained("inception-v2", False)
    unknown = [r for r in explanation.of("macs") if r.tool == "paper"]
    assert {(r.verdict, r.agrees) for r in unknown} == {("not_derivable", None)}
    report = explain_report(explanation)
    rows = [row for row in report.tables[0].rows if row[0] == "paper"]
    assert {(row[3], row[4]) for row in rows} == {("3.8", None), ("4.8", None)}
    assert not any("paper" in name for name, _ in report.lists[0][1])


def test_models_that_make_tensors_of_their_own_are_followed() -> None:
    """On their own device, where meta tensors do not mix with them; random numbers stay."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            return nn.functional.batch_norm(y, torch.zeros(8), torch.ones(8))

    model = Own()
    before = torch.get_rng_state()
    explanation = explain(model, input_size=(3, 8, 8))
    assert of(explanation, "fvcore").agrees
    assert torch.equal(torch.get_rng_state(), before)


def test_every_tool_has_its_rules() -> None:
    """For MACs, and for parameters where it counts them; none is left without a table."""
    asked = {(counter.name, "macs") for counter in COUNTERS}
    asked |= {(counter.name, "params") for counter in COUNTERS if counter.counts_params}
    assert set(RULES) == asked


def test_ptflops_counts_beside_a_torchvision_that_does_not_fit(tmp_path, monkeypatch) -> None:
    """It can do without one, but not import one that raises; afterwards nothing is hidden."""
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    with counters._without_broken_torchvision(), pytest.raises(ImportError):
        importlib.import_module("torchvision")
    assert "torchvision" not in sys.modules
    with pytest.raises(RuntimeError):
        importlib.import_module("torchvision")


def test_a_tool_that_fails_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is told in one line."""

    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("no such luck\nand more")

    monkeypatch.setattr("torch.utils.flop_counter.FlopCounterMode", fail)
    explanation = explain("resnet20")
    found = of(explanation, "FlopCounterMode")
    assert (found.status, found.source) == ("failed", "ValueError: no such luck")
    assert any(r.status == "run" for r in explanation.reconciliations)


def test_what_stays_unexplained_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that prints another number than its rules give: in the table, the sum and JSON."""
    odd = counters.Counter("odd", "torch", "MACs", False, False, lambda *_: (40_551_052, None))
    monkeypatch.setattr("archbench.commands.explain.run.COUNTERS", (odd,))
    monkeypatch.setitem(RULES, ("odd", "macs"), lambda uses, totals: ())
    explanation = explain("resnet20")
    found = of(explanation, "odd")
    assert (found.agrees, found.unexplained) == (False, 12)
    report = explain_report(explanation)
    assert "leaves +12" in report.tables[0].rows[1]
    assert report.tables[0].marked == {1}
    assert "+12 stay unexplained" in dict(report.lists[0][1])["odd"]
    assert report.document["tools"][0]["unexplained"] == 12


def test_the_user_s_module_is_left_as_it_was() -> None:
    """Mode, keys and attributes, though thop and ptflops leave theirs in what they count."""
    module = Tiny()
    before = set(module.state_dict()), set(vars(module[0])), module.training
    explain(module, input_size=(3, 8, 8))
    assert (set(module.state_dict()), set(vars(module[0])), module.training) == before


def test_printed_numbers_agree_at_their_own_precision() -> None:
    """Half of the last digit either way, and none where all digits are printed."""
    assert Printed("4.089", 10**9).agrees_with(4_088_500_000)
    assert not Printed("4.089", 10**9).agrees_with(4_088_499_999)
    assert Printed("25,557,032").agrees_with(25_557_032)
    assert not Printed("25,557,032").agrees_with(25_557_033)
    assert Printed("25.56", 10**6).value == 25_560_000


# -- the command -----------------------------------------------------------------------------------


def succeed(capsys: pytest.CaptureFixture[str], command: str) -> str:
    """Run a command that must end well; return what it put on standard output."""
    code = run(shlex.split(command))
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert not captured.err
    return captured.out


def test_the_command_shows_the_sums(capsys: pytest.CaptureFixture[str]) -> None:
    """Each tool's number, and how it comes about."""
    out = succeed(capsys, "explain resnet50 --no-run")
    assert "+ 26,560 (biases of convolutions in front of normalisation)" in out
    assert "= 25,636,712" in out
    assert "4.089 G" in out
    assert "3.8 × 10^9" in out


@pytest.mark.parametrize("width", [80, 200])
def test_the_report_fits_a_terminal(width: int) -> None:
    """No line is longer, and no number is cut."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    show(explain_report(explained("googlenet")), console)
    lines = stream.getvalue().split("\n")
    assert max(map(len, lines)) <= width
    for tool in TOOLS:
        assert any(line.startswith(tool) for line in lines)
    assert "3,165,343,744" in stream.getvalue()


def test_csv_has_a_row_per_term(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours and the terms of each tool add up to its sum."""
    frame = pd.read_csv(io.StringIO(succeed(capsys, "explain resnet50 --no-run -f csv")))
    for _, rows in frame.groupby(["quantity", "tool"]):
        parts = rows.set_index("part").amount
        terms = parts[parts.index == "term"].sum()
        assert parts["ours"] + terms == parts["sum"]
    keras = frame[frame.tool == "Keras"].set_index("part")
    assert keras.amount["printed"] == 25_636_712


def test_json_and_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """The same numbers in both; JSON under its schema."""
    document = json.loads(succeed(capsys, "explain inception-v3 --aux --no-run -f json"))
    assert document["schema"] == "archbench.explain/1"
    assert document["arguments"] == {"aux": "True"}
    found = {(t["tool"], t["quantity"]): t for t in document["tools"]}
    assert found["torchvision", "params"]["printed"] == "27,161,264"
    assert found["torchvision", "params"]["terms"] == []
    assert found["Keras", "params"]["terms"][0] == {
        "name": "no auxiliary heads",
        "amount": -3_326_696,
    }
    text = succeed(capsys, "explain inception-v3 --aux --no-run -f md")
    assert "| Keras | inception-v3 | params | 23,851,784 |" in text


def test_a_network_of_one_s_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's factory: the tools run on it, and no library publishes it."""
    (tmp_path / "own.py").write_text(
        "from torch import nn\n\ndef build(width=4):\n    return nn.Conv2d(3, width, 3)\n"
    )
    monkeypatch.chdir(tmp_path)
    argv = "explain own.py:build -i 3x8x8 --model-kwargs width=2 -f json"
    document = json.loads(succeed(capsys, argv))
    assert (document["macs"], document["params"]) == (2 * 27 * 36, 2 * 28)
    status = {tool["tool"]: tool["status"] for tool in document["tools"]}
    assert status["FlopCounterMode"] == "run"
    assert "torchvision" not in status
    (note,) = document["notes"]
    assert note.startswith("Published totals are known for networks of the registry only; none of")


class Two(nn.Module):
    """Two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Linear(8, 4)
        self.right = nn.Linear(5, 4)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Add what becomes of both."""
        return self.left(left) + self.right(right)  # type: ignore[no-any-return]  # untyped


def test_inputs_by_name_reach_the_tools_in_order() -> None:
    """None of them takes names, and ptflops takes one input only."""
    explanation = explain(Two(), input_size=["right:float32:5", "left:float32:8"])
    assert of(explanation, "FlopCounterMode").printed == Printed("104")
    found = of(explanation, "ptflops")
    if found.status != "not_installed":
        assert (found.status, found.source) == ("failed", "takes networks of one input")


def test_published_macs_are_of_one_input_size(capsys: pytest.CaptureFixture[str]) -> None:
    """At another one they are left out, and the report says so; params stay."""
    out = succeed(capsys, "explain resnet50 -i 160 --no-run -f json")
    document = json.loads(out)
    published = {(t["tool"], t["quantity"]) for t in document["tools"] if t["printed"]}
    assert published == {(tool, "params") for tool in ("torchvision", "timm", "Keras")}
    assert "of the architecture's own input size" in document["notes"][0]


@pytest.mark.parametrize(
    ("command", "code", "line", "hint"),
    [
        ("explain gogle", 2, "no architecture named 'gogle'", "did you mean 'googlenet'"),
        ("explain resnet20 -i 3y32", 2, "'3y32' is not an input size", "3x224x224"),
        ("explain resnet20 --aux", 2, "no argument 'aux'", "num_classes"),
        ("explain resnet20 --model-kwargs wide", 2, "name=value", "--model-kwargs"),
        ("explain resnet20 -o no/such/dir/x.csv", 2, "cannot be written", "existing folder"),
        ("explain", 2, "missing argument", "`archbench explain --help`"),
    ],
)
def test_bad_input_gets_one_line_and_one_hint(
    capsys: pytest.CaptureFixture[str], command: str, code: int, line: str, hint: str
) -> None:
    """And its exit code, and nothing on standard output."""
    assert run(shlex.split(command)) == code
    captured = capsys.readouterr()
    first, second = captured.err.strip().split("\n")
    assert line in first
    assert hint in second
    assert captured.out == ""
