"""A second opinion: the same network counted by fvcore, operator by operator.

fvcore traces the real network and counts by its own rules; what it calls flops are multiply-adds.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from archbench.analysis.isolation.run import run_isolated
from archbench.analysis.records import Profile
from archbench.analysis.tools.counters import fvcore_analysis
from archbench.commands.summary.records import CrossCheck, CrossCheckRow
from archbench.errors import ArchbenchError
from archbench.libraries import require
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import own_device, paths_of
from archbench.networks.resolve import Loaded
from archbench.networks.user_code import describe


class Products(NamedTuple):
    """Products of one kind, by the names that both counters have for them."""

    ours: tuple[str, ...]  #: operations of archbench
    fvcore: tuple[str, ...]  #: operators of fvcore
    #: operators that are, or hold, such a product, and that fvcore has no rule for
    without_rule: tuple[str, ...]


PRODUCTS = {
    "convolution": Products(
        ("convolution",), ("conv",), ("aten::_convolution_mode", "aten::conv1d")
    ),
    "linear and matrix products": Products(
        ("mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot"),
        ("linear", "addmm", "matmul", "mm", "bmm", "einsum"),
        (
            *("aten::scaled_dot_product_attention", "aten::_native_multi_head_attention"),
            *("aten::_transformer_encoder_layer_fwd", "aten::baddbmm", "aten::addbmm"),
            *("aten::mv", "aten::addmv", "aten::dot", "aten::lstm", "aten::gru"),
            *("aten::rnn_tanh", "aten::rnn_relu", "aten::lstm_cell", "aten::gru_cell"),
        ),
    ),
}
EXTRAS = {  # what fvcore charges and archbench does not
    **dict.fromkeys(
        ("batch_norm", "layer_norm", "group_norm", "instance_norm"),
        "normalisation is 0 by archbench's convention: fvcore charges 1 to 5 per element",
    ),
    "adaptive_avg_pool2d": "pooling is 0 by archbench's convention: fvcore charges its input",
    **dict.fromkeys(
        ("upsample_nearest2d", "upsample_bilinear2d", "grid_sampler"),
        "resampling is 0 by archbench's convention: fvcore charges its output",
    ),
}


def cross_check(loaded: Loaded, plan: InputPlan, profile: Profile) -> CrossCheck:
    """Count a network with fvcore and say where and why it differs.

    fvcore runs the model, which needs its weights. The profile is archbench's own count of the same
    model and inputs.

    Raises:
        ArchbenchError: fvcore is not installed, or cannot trace this model.
    """
    flops, unsupported = _count_with_fvcore(loaded, plan)
    ours = {op.op.removeprefix("aten."): op.macs for op in profile.operations if op.macs}
    rows = []
    for kind, products in PRODUCTS.items():
        macs = sum(ours.pop(name, 0) for name in products.ours)
        theirs = sum(flops.pop(name, 0) for name in products.fvcore)
        missed = [f"{op} ({n}x)" for op, n in unsupported.items() if op in products.without_rule]
        if macs or theirs:
            rows.append(CrossCheckRow(kind, macs, theirs, _why(macs, theirs, missed)))
    for name, macs in ours.items():
        theirs = flops.pop(name, 0)
        rows.append(CrossCheckRow(name, macs, theirs, _why(macs, theirs)))
    for name, theirs in flops.items():
        why = EXTRAS.get(name, "0 by archbench's convention: fvcore charges it")
        rows.append(CrossCheckRow(name, 0, theirs, why if theirs else ""))
    known = {op for products in PRODUCTS.values() for op in products.without_rule}
    uncounted = tuple((op, calls) for op, calls in unsupported.items() if op in known)
    return CrossCheck(version("fvcore"), tuple(rows), uncounted)


def _count_with_fvcore(loaded: Loaded, plan: InputPlan) -> tuple[Counter[str], Counter[str]]:
    """Return fvcore's count by operator, and how often it met one without a rule."""
    paths = paths_of(loaded.module)

    def call(
        args: tuple[Any, ...], kwargs: dict[str, Any], _: object
    ) -> tuple[Counter[str], Counter[str]]:
        if kwargs:
            raise ArchbenchError(
                "fvcore counts positional inputs only",
                "give -i without names, or let the function of inputs return a tuple",
            )
        try:
            analysis = fvcore_analysis(loaded.module, args)
            return Counter(analysis.by_operator()), Counter(analysis.unsupported_ops())
        except Exception as error:  # fvcore lets through whatever torch.jit.trace raises
            raise ArchbenchError(
                f"fvcore cannot count {loaded.name}: {describe(error)}",
                "the count without --cross-check does not need it",
            ) from error

    with warnings.catch_warnings(action="ignore"):  # fvcore leans on parts of torch that will go
        require("fvcore", "--cross-check")
        return run_isolated(paths, plan, own_device(paths), call)


def _why(macs: int, theirs: int, missed: Sequence[str] = ()) -> str:
    """Explain one difference; `missed` are operators that fvcore itself has no rule for."""
    if macs == theirs:
        return ""
    if missed and theirs < macs:
        return f"fvcore has no rule for {', '.join(missed)}"
    return "fvcore's rule for this operation gives another number"
