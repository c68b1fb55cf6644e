"""Rates of false alarms and of detections: a table, and a picture."""

from functools import partial
from typing import Any

from archbench.commands.selftest.records import Rate, SelfTest
from archbench.tables.columns import Columns, table_of, table_of_dicts
from archbench.tables.picture import COLOURS, SIZE, drawn
from archbench.tables.table import Column, Kind, Report
from archbench.timing.words import machine_facts

SHAPES = ("o", "s", "^", "D")


def _others(rate: Rate) -> str:
    """Return how often the other verdicts were given: "2 ok, 1 inconclusive"."""
    words = {word: n for word, n in rate.words.items() if word != "regressed"}
    return ", ".join(f"{n} {word.replace('_', ' ')}" for word, n in words.items())


COLUMNS: Columns[Rate] = (
    (Column("model", "model"), lambda rate: rate.model),
    (Column("slowdown", "built in", Kind.SHARE), lambda rate: rate.slowdown),
    (Column("measured", "measured", Kind.SHARE, 2), lambda rate: rate.measured),
    (Column("source", "gates"), lambda rate: "ran" if rate.source == "run" else "resampled"),
    (Column("runs", "of them", Kind.INTEGER), lambda rate: rate.runs),
    (Column("found", "said regressed", Kind.INTEGER), lambda rate: rate.found),
    (Column("rate", "rate", Kind.SHARE), lambda rate: rate.rate),
    (Column("low", "95 % low", Kind.SHARE, 1), lambda rate: rate.low),
    (Column("high", "high", Kind.SHARE), lambda rate: rate.high),
    (Column("others", "otherwise", rank=3), _others),
    (Column("pairs", "pairs", Kind.INTEGER, 4), lambda rate: rate.pairs),
    (Column("cell_s", "a cell", Kind.SECONDS, 2, "time"), lambda rate: rate.cell_s),
    (Column("wall_s", "with control", Kind.SECONDS, 2, "time"), lambda rate: rate.wall_s),
)


def selftest_report(test: SelfTest) -> Report:
    """Return the report of a self-test: a row for each rate."""
    return Report(
        f"The time gate, put to the test: {_way(test)}",
        (table_of(COLUMNS, test.rates),),
        test.to_dict(),
        () if test.environment is None else tuple(machine_facts(test.environment)),
        (
            "Said regressed where nothing is built in is a false alarm. A slowdown is real work "
            "inside the network; measured is what all pairs together show. Resampled gates are "
            "drawn from the pairs of those that ran, and their intervals are of the drawing alone, "
            "not of how few pairs there are.",
        ),
        rows=table_of_dicts(test.to_rows()),
    )


def _way(test: SelfTest) -> str:
    """Say how the gates measured."""
    processes = "one process" if test.one_process else "pairs of processes"
    return f"{processes}, a busy neighbour" if test.busy else processes


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
