"""The bucket of every operation: counted, zero by convention, other work, or unknown.

operators.csv places torch's operations. Those that torch itself tags as point-wise, as a reduction
or as a view, and those that take no tensor, are zero without standing there. An operation that
stands nowhere, or is listed as unknown, has the rule that `torch.utils.flop_counter` has for it.
Users register rules there. Without one the operation is unknown: the report names it.
"""

from functools import cache
from typing import Any, NamedTuple

import torch

from archbench.analysis.other_work import OTHER_WORK, OtherWork
from archbench.analysis.records import Bucket
from archbench.analysis.rules import RULES, Cost, Rule, free
from archbench.csv_tables import rows_of
from archbench.networks.tensors import operands
from archbench.private_torch import flop_formulas, takes_tensors

_HIGHER_ORDER = "higher_order."  # in front of their names in reports
_OPERATION = type(torch.ops.aten.add.Tensor)
_FREE_TAGS = frozenset(
    getattr(torch.Tag, name) for name in ("pointwise", "reduction") if hasattr(torch.Tag, name)
)


class Placing(NamedTuple):
    """The bucket of an operation, and what it costs there."""

    bucket: Bucket
    rule: Rule | None = None  #: of a counted operation
    work: OtherWork | None = None  #: of an operation of the bucket "other"


ZERO = Placing("zero", free)
UNKNOWN = Placing("unknown")


@cache
def table() -> dict[str, Placing]:
    """Return the placing of each operation that operators.csv lists, by its name in reports."""
    return {
        row["operator"]: _placing(row["bucket"], row["rule"])
        for row in rows_of("analysis/operators.csv")
    }


def _placing(bucket: str, rule: str) -> Placing:
    match bucket:
        case "counted":
            return Placing("counted", RULES[rule])
        case "other":
            return Placing("other", work=OtherWork(rule, OTHER_WORK.get(rule)))
        case "zero":
            return ZERO
    return UNKNOWN


def is_higher_order(func: Any) -> bool:
    """Tell whether an operation runs functions, such as `torch.cond`."""
    return not isinstance(func, _OPERATION)


def is_higher_order_name(name: str) -> bool:
    """Tell whether name_of() returned this name for an operation that runs functions."""
    return name.startswith(_HIGHER_ORDER)


def name_of(func: Any) -> str:
    """Return an operation's name in reports, without its overload: "aten.convolution"."""
    if is_higher_order(func):
        return f"{_HIGHER_ORDER}{func.name()}"
    return str(func.name()).partition(".")[0].replace("::", ".")


def placing_of(func: Any) -> Placing:
    """Return the bucket and the rule of an operation."""
    if is_higher_order(func):
        return _by_torch(func, func)
    name = name_of(func)
    listed = table().get(name) or table().get(name.rstrip("_"))  # in place, as else
    if listed is UNKNOWN:
        return _by_torch(func, func.overloadpacket)
    if listed is not None:
        return listed
    namespace = name.partition(".")[0]
    if namespace == "aten" and (
        name.startswith("aten._foreach_") or func.is_view or not _FREE_TAGS.isdisjoint(func.tags)
    ):
        return ZERO
    if namespace in ("prim", "prims") or not takes_tensors(func):
        return ZERO
    return _by_torch(func, func.overloadpacket)


class NoNumber(Exception):
    """A registered formula returned no number: the user has yet to write it."""


def _by_torch(func: Any, key: Any) -> Placing:
    """Place an operation by torch's own formulas, where custom operations register theirs."""
    formula = flop_formulas().get(key)
    if formula is None:
        return UNKNOWN

    def rule(args: Any, kwargs: Any, out: Any) -> Cost:
        first = next(operands(out), None)  # a backward pass may leave some of its results out
        flops: Any = formula(*args, **kwargs, out_val=out)
        if flops is None or flops is ...:
            raise NoNumber
        return Cost(flops // 2, 0 if first is None else first.numel())

    return Placing("counted", rule)
