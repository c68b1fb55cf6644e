"""Limits and allowances as users write them: "<= 4.2G", "<= 40MiB", "macs:+1%"."""

import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import isfinite
from typing import Any

from archbench.errors import ArchbenchError, nearest
from archbench.gates.records import Verdict
from archbench.gates.structure.locks import Structure
from archbench.gates.structure.records import METRICS, Allowance, Budget, Metric
from archbench.units import parse_bytes, parse_count

SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
}
BUDGETED = (*METRICS, "flops")
HOW = 'such as macs = "<= 4.2G" or peak_activation_bytes = "<= 40MiB"'


def parse_budget(metric: str, text: str | float) -> Budget:
    """Read a limit; a number alone is the most that is allowed.

    Raises:
        ArchbenchError: there is no such figure, or the limit cannot be read.

    >>> parse_budget("macs", "<= 4.2G").limit
    Fraction(4200000000, 1)
    """
    known = _known(metric, BUDGETED)
    if isinstance(text, int | float) and not isinstance(text, bool) and isfinite(text):
        return Budget(known, "<=", Fraction(text), str(text))
    found = re.fullmatch(r"\s*(<=|>=|==|<|>)?\s*(.*)", str(text))
    limit = None if found is None or isinstance(text, bool) else _amount(metric, found[2])
    if found is None or limit is None:
        raise ArchbenchError(f"'{text}' is not a budget of {metric}", HOW)
    return Budget(known, found[1] or "<=", limit, str(text))


def parse_allowance(text: str) -> Allowance:
    """Read METRIC:+1% or METRIC:+1000.

    Raises:
        ArchbenchError: there is no such figure, or the growth cannot be read.

    >>> parse_allowance("macs:+1%").share
    Fraction(1, 100)
    """
    metric, _, growth = text.partition(":")
    known = _known(metric, METRICS)
    share = re.fullmatch(r"\+(\d+(?:\.\d+)?)\s*%", growth.strip())
    if share is not None:
        return Allowance(known, share=Fraction(share[1]) / 100)
    more = _amount(metric, growth.strip()[1:]) if growth.strip().startswith("+") else None
    if more is None or more.denominator != 1:
        raise ArchbenchError(f"'{text}' is not an allowance", "--allow macs:+1% or params:+1000")
    return Allowance(known, more=int(more))


def judge(cell: str, budget: Budget, structure: Structure) -> Verdict:
    """Judge a figure by its limit."""
    now = 2 * structure.macs if budget.metric == "flops" else structure.figure(budget.metric)
    if now is None:
        note = "the figure is not known for this model"
        return Verdict(cell, budget.metric, "not_comparable", limit=budget.text, note=note)
    holds = SIGNS[budget.sign](now, budget.limit)
    is_known = structure.is_complete(budget.metric) or _holds_for_more(budget, now) is not None
    note = "" if holds else f"the budget is {budget.text}"
    return Verdict(
        cell,
        budget.metric,
        "inconclusive" if not is_known else "ok" if holds else "regressed",
        now=now,
        limit=budget.text,
        ratio=float(now / budget.limit) if budget.limit else None,
        note=note if is_known else f"{budget.metric} is a lower bound",
        complete=structure.is_complete(budget.metric),
    )


def _holds_for_more(budget: Budget, least: int) -> bool | None:
    """Tell whether a budget holds for every figure from `least` on; None if for some only."""
    if budget.sign in (">", ">="):
        return True if SIGNS[budget.sign](least, budget.limit) else None
    exceeds = least > budget.limit or (budget.sign == "<" and least == budget.limit)
    return False if exceeds else None


def _known(metric: str, metrics: tuple[str, ...]) -> Metric:
    if metric not in metrics:
        raise ArchbenchError(
            f"there is no figure '{metric}'",
            f"{nearest(metric, metrics)}there are {', '.join(metrics)}",
        )
    return metric  # type: ignore[return-value]  # it is one of them, or "flops"


def _amount(metric: str, text: str) -> Fraction | None:
    if not metric.endswith("_bytes"):
        return parse_count(text)
    size = parse_bytes(text)
    return None if size is None else Fraction(size)
