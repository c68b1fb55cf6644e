"""What the lecture notes say about the params and ops columns of GoogLeNet's Table 1."""

from decimal import Decimal
from fractions import Fraction

from archbench.networks.archs.googlenet import TABLE_1
from archbench.papers.claims.records import Case, Condition, Facts, Measurement
from archbench.papers.figures import figure
from archbench.papers.judge import confirms, judge
from archbench.papers.layers import parameters
from archbench.papers.networks import Networks
from archbench.papers.records import PublishedFigure

K = 1024  # of the params column: 112K are the 114,688 weights of conv2, and 1000K those of fc
MILLION = 10**6


def _cell(stage: str, column: str) -> PublishedFigure:
    return figure(f"googlenet.table1.{stage}.{column}")


def _counted_stages() -> list[str]:
    """Return the rows with figures in the params and ops columns: those with weights."""
    return [
        row.stage
        for row in TABLE_1
        if row.stage.startswith(("conv", "inception")) or row.stage == "fc"
    ]


def _thousands(cell: PublishedFigure) -> Decimal:
    """Read "159K" as 159."""
    return Decimal(cell.printed.removesuffix("K"))


def _rows_where(agree: dict[str, bool]) -> str:
    """Say in which rows the column follows from the filter counts."""
    odd = [stage.removeprefix("inception_") for stage, true in agree.items() if not true]
    return f"in every row but {', '.join(odd)}" if odd else "in every row"


def params_sum(networks: Networks) -> Facts:
    """Add up the params column and set the printed total beside it and the built networks."""
    cells = (_thousands(_cell(stage, "params")) for stage in _counted_stages())
    column = sum(cells, start=Decimal(0))
    totals = {
        "as the sum of the params column, with K = 1000": column * 1000,
        "of that sum with the column's own K = 1024": column * K,
        "of the network with a dense stem and biases": Decimal(
            networks.profile("googlenet").totals.params
        ),
        "of the weights with the separable stem": Decimal(
            parameters(networks.module("googlenet-separable")).weights
        ),
    }
    printed = figure("googlenet.text.params_total")
    in_1000, in_1024, dense, separable = totals.values()
    for which, t in totals.items():
        yield Case(which, confirms(printed, Fraction(t)))
    yield Measurement("sum of the params column, in K", float(column), 6797.7)
    yield Measurement("that sum in millions, K = 1000", float(in_1000 / MILLION), 6.7977)
    yield Measurement("that sum in millions, K = 1024", float(round(in_1024 / MILLION, 3)), 6.961)
    yield Measurement("params of the dense network", int(dense), 6_998_552)
    yield Measurement("weights of the separable network", int(separable), 6_983_576)


def ops_column(networks: Networks) -> Facts:
    """Set the MACs of every row, with the separable stem, beside the printed millions."""
    expected = (
        *(34_019_328, 359_661_568, 128_049_152, 304_267_264, 73_608_192, 87_908_352, 99_850_240),
        *(118_515_712, 169_996_288, 51_079_168, 70_697_984, 1_024_000),
    )
    agree = {}
    for stage, macs in zip(_counted_stages(), expected, strict=True):
        computed = networks.stage("googlenet-separable", stage).macs
        agree[stage] = judge(_cell(stage, "ops"), computed) != "inconsistent"
        yield Case(f"in {stage}, to one million", agree[stage])
        yield Measurement(f"MACs of {stage}", computed, macs)
    yield Measurement("rows that agree within one million", sum(agree.values()), 11)
    yield Measurement("rows", len(agree), 12)
    for row, millions, printed in (("4a", 73.61, "73M"), ("5a", 51.08, "54M")):
        macs = networks.stage("googlenet-separable", f"inception_{row}").macs
        yield Measurement(f"{row} in millions", round(macs / MILLION, 2), millions)
        yield Measurement(f"{row} as printed", _cell(f"inception_{row}", "ops").printed, printed)
    yield Condition(f"{_rows_where(agree)}, to one million, with the separable stem")


def params_column(networks: Networks) -> Facts:
    """Set the weights of every row, with the separable stem, beside the printed K of 1024."""
    deviations = {"4a": -0.7, "4c": -6.9, "4d": -1.8, "4e": -0.8, "5a": 5.3, "5b": -1.5}
    agree, off = {}, {}
    for stage in _counted_stages():
        module = networks.module("googlenet-separable").get_submodule(stage)
        cell, held = _cell(stage, "params"), parameters(module).weights
        agree[stage] = judge(cell, held) != "inconsistent"
        printed, computed = _thousands(cell), Decimal(held) / K
        off[stage.removeprefix("inception_")] = round(100 * (printed / computed - 1), 1)
        yield Case(f"in {stage}, to the last digit", agree[stage])
    near = " ".join(stage.removeprefix("inception_") for stage, true in agree.items() if true)
    yield Measurement("rows that agree within one unit", near, "conv1 conv2 3a 3b 4b fc")
    for row, expected in deviations.items():
        yield Measurement(f"percent by which the print of {row} is off", float(off[row]), expected)
    yield Condition(f"{_rows_where(agree)}, to one unit of the last digit, with the separable stem")


def separable_stem(networks: Networks) -> Facts:
    """Count the first row with a dense and with a separable 7×7."""
    for name, which, expected_weights, expected_macs in (
        ("googlenet", "dense", 9_408, 118_013_952),
        ("googlenet-separable", "separable", 2_712, 34_019_328),
    ):
        held = parameters(networks.module(name).get_submodule("conv1")).weights
        macs = networks.stage(name, "conv1").macs
        fits = confirms(_cell("conv1", "params"), held) and confirms(_cell("conv1", "ops"), macs)
        yield Case(f"with a {which} 7×7", fits)
        yield Measurement(f"weights of the {which} stem", held, expected_weights)
        yield Measurement(f"MACs of the {which} stem", macs, expected_macs)


EXPERIMENTS = {
    "googlenet.params-sum": params_sum,
    "googlenet.ops-column": ops_column,
    "googlenet.params-column": params_column,
    "googlenet.separable-stem": separable_stem,
}
