"""The printed figures: their data, the rule that judges them, and what comes out."""

import contextlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import archbench
from archbench.commands.reproduce import expectations
from archbench.commands.reproduce.paper_table import _cell, _column_order
from archbench.csv_tables import rows_of
from archbench.networks.archs import googlenet
from archbench.networks.registry import find
from archbench.networks.registry.published import published_errors
from archbench.papers.figures import figure, figures, tables
from archbench.papers.judge import judge, parse
from archbench.papers.networks import Networks, built_as
from archbench.papers.notes import CONDITIONS
from archbench.papers.recompute.counts import UNPUBLISHED, VERSIONS
from archbench.papers.records import CONFIRMED, VERDICTS, Reproduction
from archbench.papers.reproduce import recomputed
from archbench.tables.table import Tone
from tests.reports import REPORTS, reproduced


@pytest.fixture(scope="module")
def found(reproductions) -> dict[str, Reproduction]:
    """Everything, by id."""
    return {r.figure.id: r for r in reproductions}


def test_the_data_is_whole() -> None:
    """Every figure has an id of its own and the words that the code knows."""
    assert len(figures()) == 786
    assert len({f.id for f in figures()}) == 786
    assert {f.kind for f in figures()} == {"derivable", "arithmetic", "reported"}
    for f in figures():
        assert f.printed and f.value and f.unit and f.paper and f.row and f.column, f.id
        if f.architecture is not None:
            find(f.architecture)
        if f.kind == "derivable" and f.unit in ("params", "macs"):
            Fraction(f.value)


def test_the_committed_report_is_fresh(reproductions) -> None:
    """To the letter; `make reports` writes it anew."""
    for name, text in reproduced(reproductions):
        assert (REPORTS / name).read_text(encoding="utf-8") == text, name


def test_notes_belong_to_figures() -> None:
    """No note is left without its figure, nor a condition without its table."""
    ids = {f.id for f in figures()}
    assert {row["id"] for row in rows_of("papers/notes.csv")} <= ids
    assert set(CONDITIONS) <= set(tables())


def test_other_versions_can_be_built() -> None:
    """Every network that a reading names is on the shelf, with its arguments."""
    for name, versions in VERSIONS.items():
        find(name)
        for version in versions:
            network, kwargs = built_as(version)
            archbench.profile(network, model_kwargs=kwargs)
    for name in UNPUBLISHED:
        assert "reconstruct" in find(name).differs


# printed, its value, unit; computed; verdict. Worked out by hand.
JUDGED = [
    ("34M", "34000000", "macs", 34_019_328, "rounded"),
    ("34M", "34000000", "macs", 34_000_000, "exact"),
    ("159K", "162816", "params", 163_328, "truncated"),  # 159.5 × 1024: halves go up
    ("159K", "162816", "params", 163_327, "rounded"),
    ("437K", "447488", "params", 448_512, "within_1_unit"),  # 438.0 × 1024
    ("437K", "447488", "params", 448_513, "inconsistent"),
    ("1.8 × 10^9", "1800000000", "macs", 1_794_805_760, "rounded"),
    ("3.8 × 10^9", "3800000000", "macs", 3_857_973_248, "truncated"),
    ("3.8 × 10^9", "3800000000", "macs", 4_089_184_256, "inconsistent"),
    ("2.0", "2000000000", "macs", 1_949_000_000, "within_1_unit"),
    ("0.27M", "270000", "params", 269_722, "rounded"),
    ("-0.92%", "-0.92", "percent_points", Fraction("-0.92"), "exact"),
    ("-3.45%", "-3.45", "percent_points", Fraction("-3.40"), "inconsistent"),
    ("-3.45%", "-3.45", "percent_points", Fraction("3.45"), "inconsistent"),
    ("2.78", "2.78", "ratio", Fraction(25, 9), "rounded"),
    ("9x", "9", "ratio", Fraction("8.71"), "rounded"),
    ("120,422,400", "120422400", "macs", 120_422_401, "within_1_unit"),
    ("25×18", "450", "macs", 450, "exact"),
    ("25×18", "450", "macs", 451, "inconsistent"),  # no plain number: no last digit
    ("22", "22", "layers", 22, "exact"),
    ("22", "22", "layers", 23, "inconsistent"),  # a count of layers is right or wrong
    ("7×7/2", "7x7", "kernel", "7x7", "exact"),
    ("7×7/2", "7x7", "kernel", "3x3", "inconsistent"),
]


@pytest.mark.parametrize(("printed", "value", "unit", "computed", "verdict"), JUDGED)
def test_one_rule_judges(printed, value, unit, computed, verdict) -> None:
    """By the printed string's own precision, halves up."""
    some = replace(figures()[0], printed=printed, value=value, unit=unit)
    assert judge(some, computed) == verdict


@given(
    mantissa=st.decimals(min_value="0.01", max_value=999, places=4),
    decimals=st.integers(0, 2),
    factor=st.sampled_from([1, 1000, 1024, 10**6]),
)
def test_what_is_printed_by_rounding_is_rounded(mantissa, decimals, factor) -> None:
    """Any number, printed with fewer digits, comes out as rounded, exact, or as a cut half."""
    exact = Fraction(mantissa)
    shown = f"{round(mantissa, decimals):.{decimals}f}"
    if not Fraction(shown):
        return
    value = str(Fraction(shown) * factor)
    some = replace(figures()[0], printed=f"{shown}K", value=value, unit="params")
    verdict = judge(some, exact * factor)
    half = (exact * 10**decimals * 2).denominator == 1  # banks round these to even
    assert verdict in ("exact", "rounded") or (half and verdict == "truncated")
    assert judge(some, (exact + Fraction(3, 10**decimals)) * factor) == "inconsistent"


def test_precision_is_that_of_the_print() -> None:
    """The unit of the last digit, with the K that the table counts in."""
    for name, unit in [
        ("googlenet.table1.conv1.params", 100),
        ("googlenet.table1.conv2.params", 1024),
        ("resnet.table1.resnet50.flops", 10**8),
        ("paper.vgg16.params", 10**6),
        ("rethinking.table3.googlenet.cost", 10**8),
    ]:
        print_ = parse(figure(name))
        assert print_ is not None and print_.unit == unit, name


def test_every_figure_has_a_verdict_and_none_is_unexplained(found) -> None:
    """What is not exact or rounded says why; what is quoted is not computed."""
    assert len(found) == 786
    for r in found.values():
        assert r.verdict in VERDICTS
        assert r.explanation or r.verdict in CONFIRMED, r.figure.id
        assert (r.verdict == "reported") == (r.figure.kind == "reported")
        assert (r.own is None) == (r.verdict in ("reported", "not_derivable"))


# Derived by hand, or counted by another program, from the papers' tables alone.
COMPUTED = {
    "googlenet.table1.conv1.params": (2_712, "rounded"),
    "googlenet.table1.conv1.ops": (34_019_328, "rounded"),
    "googlenet.table1.conv2.params": (114_688, "exact"),
    "googlenet.table1.inception_3a.params": (163_328, "truncated"),
    "googlenet.table1.inception_3b.params": (388_096, "within_1_unit"),
    "googlenet.table1.inception_4a.params": (375_552, "inconsistent"),
    "googlenet.table1.inception_4a.ops": (73_608_192, "truncated"),
    "googlenet.table1.inception_4b.params": (448_512, "within_1_unit"),
    "googlenet.table1.inception_4c.params": (509_440, "inconsistent"),
    "googlenet.table1.inception_4d.params": (604_672, "inconsistent"),
    "googlenet.table1.inception_4e.params": (867_328, "inconsistent"),
    "googlenet.table1.inception_5a.params": (1_042_432, "inconsistent"),
    "googlenet.table1.inception_5a.ops": (51_079_168, "inconsistent"),
    "googlenet.table1.inception_5b.params": (1_442_816, "inconsistent"),
    "googlenet.table1.fc.params": (1_024_000, "exact"),
    "googlenet.text.params_total": (6_797_700, "exact"),
    "googlenet.text.layers_with_pooling": (27, "exact"),
    "googlenet.table3.7_model_144_crop.delta": (-3.4, "inconsistent"),
    "googlenet.table3.7_model_144_crop.cost": (1008, "exact"),
    "googlenet.evaluation.crops": (144, "exact"),
    "module.cost.cs231n_naive": (854_196_224, "rounded"),
    "module.cost.cs231n_reduced": (271_351_808, "inconsistent"),
    "rethinking.table3.googlenet.cost": (1_498_677_248, "rounded"),
    "rethinking.table3.bn-googlenet.cost": (1_582_671_872, "truncated"),
    "rethinking.table3.bn-inception.cost": (1_948_605_440, "within_1_unit"),
    "rethinking.table3.inception-v2.cost": (None, "not_derivable"),
    "rethinking.text.inception-v3.cost": (5_713_216_096, "truncated"),
    "resnet.table1.resnet18.flops": (1_794_805_760, "rounded"),
    "resnet.table1.resnet34.flops": (3_644_493_824, "rounded"),
    "resnet.table1.resnet50.flops": (3_857_973_248, "truncated"),
    "resnet.table1.resnet101.flops": (7_570_194_432, "rounded"),
    "resnet.table1.resnet152.flops": (11_282_415_616, "rounded"),
    "resnet.table6.resnet1202.params": (19_421_274, "rounded"),
    "resnet.table6.fitnet4.params": (2_548_602, "rounded"),
    "resnet.table6.highway32.params": (None, "not_derivable"),
    "resnet.text.option_a.pool_first_slide": ("1x1", "inconsistent"),
    "resnet.text.change_block.index": (4, "exact"),
    "paper.vgg16.flops": (15_346_630_656, "rounded"),
    "paper.vgg19.flops": (19_632_062_464, "rounded"),
    "paper.alexnet.params": (60_965_224, "truncated"),
    "paper.alexnet.conv1.units": (290_400, "inconsistent"),
    "paper.prelu-net-c.macs": (53_463_130_112, "inconsistent"),
    "bn-inception.figure5.inception_4c.output_size": ("14x14x608", "inconsistent"),
    "bn-inception.figure5.conv2.depth": (2, "inconsistent"),
    "bn-inception.text.depth_increase": (12, "inconsistent"),
    "inception-resnet-v2.figure17.b_up_projection": (1152, "inconsistent"),
    "inception-resnet-v2.figure19.c_up_projection": (2144, "inconsistent"),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_the_figures_worth_knowing(found, name) -> None:
    """Value and verdict, to the digit."""
    own = found[name].own
    assert (own.computed if own else None, found[name].verdict) == COMPUTED[name]


def test_explanations_name_what_makes_a_figure_come_out(found) -> None:
    """The dense stem for 2.0, with biases for 380K; and where nothing does, what was tried."""
    assert "2.033 (bn-inception version=dense-stem" in (
        found["rethinking.table3.bn-inception.cost"].explanation
    )
    assert "379.63 (googlenet-separable, all parameters, K = 1024)" in (
        found["googlenet.table1.inception_3b.params"].explanation
    )
    tried = found["googlenet.table1.inception_4c.params"].explanation
    assert all(value in tried for value in ("497.5 ", "509.44", "498.15", "510.1 "))
    by_stride = {r.how: r.verdict for r in found["resnet.table1.resnet50.flops"].others}
    assert by_stride["resnet50-v1.5, multiply-adds"] == "inconsistent"


def test_the_packaged_expectations_are_todays(found) -> None:
    """`make expectations` writes them, and a change is reviewed like code."""
    assert expectations.changes(list(found.values()), expectations.expected()) == ()
    assert set(expectations.expected()) == set(found)


def test_another_architecture_changes_verdicts(monkeypatch) -> None:
    """One filter less in row 3a is found in its own cell, in its sizes and in its costs."""
    rows = [r._replace(n1x1=63) if r.stage == "inception_3a" else r for r in googlenet.TABLE_1]
    monkeypatch.setattr(googlenet, "TABLE_1", tuple(rows))
    changed = expectations.changes(archbench.reproduce("googlenet-table1"), expectations.expected())
    assert {change.id.removeprefix("googlenet.table1.") for change in changed} >= {
        *("inception_3a.n1x1", "inception_3a.output_size", "inception_3a.params"),
    }


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False, device="meta")


def replaced(path: str, make) -> Callable[[Any], None]:
    """Put something else in a network's place of that path."""

    def change(network: Any) -> None:
        parent, _, name = path.rpartition(".")
        setattr(network.get_submodule(parent), name, make())

    return change


# network, what is changed in it, and figures that must notice; mostly not the first of its kind
CHANGED = [
    ("googlenet", lambda net: delattr(net, "pool3"), ["googlenet.table1.pool3.patch_size"]),
    (
        "googlenet",
        replaced("conv2.reduce", nn.Identity),
        ["googlenet.table1.conv2.n3x3_reduce", "googlenet.table1.conv2.depth"],
    ),
    ("googlenet", replaced("aux2.pool", lambda: nn.AvgPool2d(3, 3)), ["googlenet.aux.pool_size"]),
    ("googlenet", replaced("aux1.pool", lambda: nn.MaxPool2d(5, 3)), ["googlenet.aux.pool_size"]),
    (
        "bn-inception",
        replaced("inception_4b.branch4.avg_pool", lambda: nn.MaxPool2d(3, 1, 1)),
        ["bn-inception.figure5.inception_4b.pool_proj"],
    ),
    (
        "inception-v2",
        replaced("inception_fig5.mixed_3.branch3.conv3x3_2", nn.Identity),
        ["rethinking.figures.fig5.replaced_kernels"],
    ),
    (
        "inception-v4",
        replaced("reduction_a.branch2.conv3x3.conv", lambda: conv(192, 225, 3)),
        ["inception-v4.table1.reduction_a_l"],
    ),
    (
        "resnet18",
        replaced("conv4_x.2.residual.conv1", lambda: conv(256, 256, 5)),
        ["resnet.table1.resnet18.conv4_x.layer_1.kernel"],
    ),
    (
        "resnet18",
        replaced("pool1", lambda: nn.AvgPool2d(3, 2, 1)),
        ["resnet.table1.resnet18.pool1.kernel"],
    ),
    (
        "resnet50",
        replaced("conv5_x.1.residual.conv1", lambda: conv(1024, 512, 1)),
        ["resnet.table1.caption.downsampling_stride"],
    ),
    (
        "resnet34",
        replaced("conv3_x.3.residual.conv2", nn.Identity),
        ["resnet.text.block.convolutions", "resnet.table1.resnet34.conv3_x.layer_2.kernel"],
    ),
    (
        "resnet34",
        replaced("conv3_x.1.shortcut", lambda: nn.MaxPool2d(2)),
        ["resnet.text.option_a.pool_later_slides", "resnet.text.option_a.output_size"],
    ),
    ("resnet34", replaced("conv1", nn.Identity), ["resnet.table1.resnet34.flops"]),
]


@pytest.mark.parametrize(("network", "change", "noticing"), CHANGED)
def test_a_changed_network_is_noticed_and_breaks_nothing(
    network, change, noticing, monkeypatch
) -> None:
    """The figures of what was changed lose their verdict, and the rest is judged all the same."""

    class Changed(Networks):
        def _load(self, name, kwargs):
            fresh = f"{name} {sorted(kwargs.items())}" not in self._loaded
            loaded, plan = super()._load(name, kwargs)
            if fresh and name == network:
                with contextlib.suppress(AttributeError):  # without heads there is none to change
                    change(loaded.module)
            return loaded, plan

    monkeypatch.setattr("archbench.papers.reproduce.Networks", Changed)
    about = [f for f in figures() if f.architecture == network or f.id in noticing]
    found = tuple(recomputed(about))
    changed = {change.id for change in expectations.changes(found, expectations.expected())}
    assert set(noticing) <= changed
    assert all(r.explanation for r in found if r.figure.id in changed and r.verdict != "exact")


def test_a_cell_looks_like_the_worst_of_its_figures(found) -> None:
    """One wrong kernel in a block of three layers must not hide behind the others."""
    stage = [r for r in found.values() if r.figure.id.startswith("resnet.table1.resnet18.conv2_x.")]
    worse = [*stage[:2], replace(stage[2], verdict="inconsistent"), *stage[3:]]
    cell = _cell(worse[1:])
    assert cell.text.endswith(f"≠ {stage[2].own.shown}") and cell.tone is Tone.BAD


def test_random_numbers_are_left_alone() -> None:
    """Importing and calling draws none of the caller's."""
    code = (
        "import torch; torch.manual_seed(0); before = torch.get_rng_state();"
        "import archbench; archbench.reproduce(['module-cost', 'factorisation']);"
        "assert torch.equal(before, torch.get_rng_state())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_columns_keep_the_order_of_the_fullest_rows() -> None:
    """As the paper has them, though no row need have all."""
    rows = {"fc": ["depth", "params"], "3a": ["size", "depth", "#1×1", "params"], "n": ["rate"]}
    cells = [(row, column) for row, columns in rows.items() for column in columns]
    assert _column_order(cells) == ["size", "depth", "#1×1", "params", "rate"]


def test_selecting(found) -> None:
    """Tables and networks; what is not there is refused, with the nearest name."""
    only = archbench.reproduce(["resnet-table1", "resnet-table6"], "resnet110")
    assert {r.figure.table for r in only} == {"resnet-table6"}
    for arguments, message, hint in [
        (("googlenet-tabel1",), "there is no table 'googlenet-tabel1'", "'googlenet-table1'"),
        (("googlenet-table1", "resnt50"), "no architecture named 'resnt50'", "'resnet50'"),
        (("googlenet-table1", "resnet50"), "no figure of 'resnet50' is printed", "--list"),
    ]:
        with pytest.raises(archbench.errors.ArchbenchError) as caught:
            archbench.reproduce(*arguments)
        assert message in caught.value.message
        assert hint in caught.value.hint


# Error rates that the documents quote otherwise than the registry has them, and why.
QUOTED_OTHERWISE = {
    "rethinking.table3.googlenet.top1_error": "nowhere else",
    "rethinking.table3.googlenet.top5_error": "9.15 with ten crops, rounded",
    "rethinking.table3.bn-inception.top5_error": "7.82, rounded",
    "rethinking.table3.inception-v2-bn-auxiliary.top1_error": "in the registry of inception-v3",
    "rethinking.table3.inception-v2-bn-auxiliary.top5_error": "in the registry of inception-v3",
    "rethinking.table4.bn-inception_144.first_error": "21.99, rounded",
    "resnet.table5.googlenet.top5_error": "its own paper prints 6.67",
}


def test_quoted_error_rates_are_those_of_the_registry() -> None:
    """Both were transcribed from the same papers; where they differ it is known why."""
    odd = set()
    for f in figures():
        known = published_errors().get(f.architecture or "", ())
        rates = {rate for e in known for rate in (e.top1_error_percent, e.top5_error_percent)}
        if f.unit == "percent_error" and known and f.number not in rates:
            odd.add(f.id)
    assert odd == set(QUOTED_OTHERWISE)
