"""What the lecture notes say about error rates, held against the tables that they print."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from archbench.papers.claims.records import Case, Facts, Measurement
from archbench.papers.figures import figure, figures
from archbench.papers.judge import confirms
from archbench.papers.networks import Networks
from archbench.units import counted


def _pairs(table: str | None, first: str, second: str) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the two errors of every row that prints both, in one table or in all."""
    errors = {cell.id: Decimal(cell.value) for cell in figures() if cell.unit == "percent_error"}
    return {
        name.removesuffix(first): (value, errors[other])
        for name, value in errors.items()
        if name.endswith(first)
        and (other := name.removesuffix(first) + second) in errors
        and (table is None or figure(name).table == table)
    }


def top5_below_top1(networks: Networks) -> Facts:
    """Compare both columns of the multi-crop table, and those of all other tables."""
    swapped = _pairs("rethinking-table4", ".first_error", ".second_error")
    assert all("Top-5" in figure(f"{row}.first_error").column for row in swapped)
    others = _pairs(None, ".top5_error", ".top1_error")
    for row, (top5, top1) in swapped.items():
        yield Case(f"in the row of {figure(f'{row}.first_error').row}", top5 <= top1)
    larger = sum(top5 > top1 for top5, top1 in swapped.values())
    wrong = sum(top5 > top1 for top5, top1 in others.values())
    yield Measurement("rows with both values", len(swapped), 6)
    yield Measurement('rows whose "top-5" error is the larger', larger, 6)
    yield Measurement("rows of other tables whose top-5 error is the larger", wrong, 0)


def googlenet_single_crop(networks: Networks) -> Facts:
    """Set the ladder's 9.2 % beside the crop table of the same slides."""
    claimed = figure("rethinking.table3.googlenet.top5_error")
    one, ten = (figure(f"googlenet.table3.1_model_{views}_crop.top5_error") for views in (1, 10))
    yield Case("by the crop table", confirms(claimed, Fraction(one.value)))
    yield Measurement("percent claimed", claimed.value, "9.2")
    yield Measurement("percent with one crop", one.value, "10.07")
    yield Measurement("percent with ten crops", ten.value, "9.15")


def option_order(networks: Networks) -> Facts:
    """Compare the printed errors of ResNet-34 with its three shortcuts."""
    names = {"resnet34": "A", "resnet34-b": "B", "resnet34-c": "C"}
    for column, expected in (
        ("top1_error", (25.03, 24.52, 24.19)),
        ("top5_error", (7.76, 7.46, 7.40)),
    ):
        cells = (figure(f"resnet.table3.resnet34-{x.lower()}.{column}") for x in names.values())
        errors = [Decimal(cell.value) for cell in cells]
        yield Case(f"of the {column}", all(a > b for a, b in pairwise(errors)))
        for option, error, value in zip(names.values(), errors, expected, strict=True):
            yield Measurement(f"{column} with option {option}", float(error), value)
    own = networks.profile("resnet34").totals.params
    for (name, option), added in zip(names.items(), (0, 173_824, 1_092_992), strict=True):
        yield Measurement(
            f"params that option {option} adds", networks.profile(name).totals.params - own, added
        )


def table3_deltas(networks: Networks) -> Facts:
    """Subtract the base from every error of the crop table."""
    table = "googlenet.table3"
    base = Decimal(figure(f"{table}.1_model_1_crop.top5_error").value)
    for models, views, expected in (
        (1, 10, "-0.92"),
        (1, 144, "-2.18"),
        (7, 1, "-1.98"),
        (7, 10, "-2.45"),
        (7, 144, "-3.40"),
    ):
        row = f"{table}.{models}_model_{views}_crop"
        delta = Decimal(figure(f"{row}.top5_error").value) - base
        printed = Decimal(figure(f"{row}.delta").value)
        where = f"{counted(models, 'model')} and {counted(views, 'crop')}"
        yield Case(f"for {where}", delta == printed)
        yield Measurement(f"difference for {where}", str(delta), expected)
    last = figure(f"{table}.7_model_144_crop.delta").printed
    yield Measurement("the last as printed", last, "-3.45%")


EXPERIMENTS = {
    "googlenet.table3-deltas": table3_deltas,
    "errors.top5-below-top1": top5_below_top1,
    "errors.googlenet-single-crop": googlenet_single_crop,
    "errors.option-order": option_order,
}
