"""The costs of operations on nested tensors, whose parts have shapes of their own."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.operators import UNKNOWN, Placing, placing_of
from archbench.analysis.rules import Cost, Rule
from archbench.networks.tensors import operands


def holds_nested(args: Sequence[Any]) -> bool:
    """Tell whether an operand of an operation is a nested tensor."""
    return any(tensor.is_nested for tensor in operands(tuple(args)))


def placing_of_nested(func: Any) -> Placing:
    """Return the placing of an operation that torch does not take apart for nested tensors."""
    return (
        placing_of(torch.ops.aten.bmm.default) if func is torch.ops.aten.matmul.default else UNKNOWN
    )


def cost_of_parts(rule: Rule, args: Sequence[Any], kwargs: Any, out: Any) -> Cost | None:
    """Sum the costs of an operation's parts; None where the rule does not do for them."""
    try:
        results = out.unbind()
        several = [
            value.unbind()
            if isinstance(value, Tensor) and value.is_nested
            else [value] * len(results)
            for value in args
        ]
        costs = [
            rule(part, kwargs, result) for *part, result in zip(*several, results, strict=True)
        ]
    except Exception:
        return None
    return Cost(sum(cost.macs for cost in costs), sum(cost.activations for cost in costs))
