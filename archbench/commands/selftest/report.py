"""Rates of false alarms and of detections: a table, and a picture."""

from functools import partial
from typing import Any

from archbench.commands.selftest.records import Rate, SelfTest
from archbench.tables.columns import table_of_dicts
from archbench.tables.picture import COLOURS, SIZE, drawn
from archbench.tables.table import Column, Kind, Report, Table, TableCell
from archbench.timing.words import machine_facts

SHAPES = ("o", "s", "^", "D")


def selftest_report(test: SelfTest) -> Report:
    """Lay out the rates."""
    columns = (
        Column("model", "model"),
        Column("slowdown", "built in", Kind.SHARE),
        Column("measured", "measured", Kind.SHARE, 2),
        Column("source", "gates"),
        Column("runs", "of them", Kind.INTEGER),
        Column("found", "said regressed", Kind.INTEGER),
        Column("rate", "rate", Kind.SHARE),
        Column("low", "95 % low", Kind.SHARE, 1),
        Column("high", "high", Kind.SHARE),
        Column("others", "otherwise", rank=3),
        Column("pairs", "pairs", Kind.INTEGER, 4),
        Column("cell_s", "a cell", Kind.SECONDS, 2, "time"),
        Column("wall_s", "with control", Kind.SECONDS, 2, "time"),
    )
    return Report(
        f"The time gate, put to the test: {_way(test)}",
        (Table(columns, tuple(_row(rate) for rate in test.rates)),),
        test.to_dict(),
        () if test.environment is None else tuple(machine_facts(test.environment)),
        (
            "Said regressed where nothing is built in is a false alarm. A slowdown is real work "
            "inside the network; measured is what all pairs together show. Resampled gates are "
            "drawn from the pairs of those that ran, and their intervals are of the drawing alone, "
            "not of how few pairs there are.",
        ),
        rows=table_of_dicts(test.rows()),
    )


def _way(test: SelfTest) -> str:
    """Say how the gates measured."""
    processes = "one process" if test.one_process else "pairs of processes"
    return f"{processes}, a busy neighbour" if test.busy else processes


def _row(rate: Rate) -> tuple[TableCell, ...]:
    others = [
        f"{n} {word.replace('_', ' ')}" for word, n in rate.words.items() if word != "regressed"
    ]
    return (
        *(rate.model, rate.slowdown, rate.measured),
        "ran" if rate.source == "run" else "resampled",
        *(rate.runs, rate.found, rate.rate, rate.low, rate.high),
        ", ".join(others),
        *(rate.pairs, rate.cell_s, rate.wall_s),
    )


def power_svg(test: SelfTest) -> str:
    """Return the power curve as SVG: detection rate by slowdown, with exact 95 % intervals.

    Raises:
        MissingLibrary: matplotlib is not installed.
    """
    return drawn(partial(_draw, test=test), SIZE)


def _draw(axes: Any, test: SelfTest) -> None:
    models = list(dict.fromkeys(rate.model for rate in test.rates))
    for place, model in enumerate(models):
        colour, shape = COLOURS[place % len(COLOURS)], SHAPES[place % len(SHAPES)]
        for source, line, size in (("resampled", "-", 4), ("run", "", 7)):
            own = [r for r in test.rates if r.model == model and r.source == source]
            if not own:
                continue
            shift = (place - (len(models) - 1) / 2) * 0.08
            axes.errorbar(
                [100 * rate.slowdown + shift for rate in own],
                [100 * rate.rate for rate in own],
                yerr=[
                    [100 * (rate.rate - rate.low) for rate in own],
                    [100 * (rate.high - rate.rate) for rate in own],
                ],
                label=f"{model}, {'gates that ran' if source == 'run' else 'resampled'}",
                color=colour,
                marker=shape,
                markersize=size,
                markerfacecolor="white" if source == "run" else colour,
                linestyle=line or "none",
                linewidth=1.4,
                capsize=2,
            )
    axes.axhline(1, color="0.5", lw=0.8, ls=":")
    axes.text(axes.get_xlim()[1], 2, "1 %", ha="right", fontsize=8, color="0.4")
    title = f"What the time gate calls a regression: {_way(test)}"
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("slowdown built in (%)")
    axes.set_ylabel("gates that say regressed (%)")
    axes.set_ylim(-3, 103)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(
        frameon=False,
        fontsize=8,
        ncols=len(models),
        loc="upper left",
        bbox_to_anchor=(0, -0.13),
    )
