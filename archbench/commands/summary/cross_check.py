"""A second opinion: the same network counted by fvcore, operator by operator.

fvcore traces the real network and counts by its own rules; what it calls flops are multiply-adds.
"""

import warnings
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version

from archbench.analysis.forward_device import own_device
from archbench.analysis.module_tree import paths_of
from archbench.analysis.records import Profile
from archbench.analysis.tensor_swap import swapped_tensors
from archbench.analysis.tools.counters import fvcore_analysis
from archbench.commands.summary.records import CrossCheck, CrossCheckRow
from archbench.errors import ArchbenchError
from archbench.libraries import require
from archbench.networks.inputs import InputPlan
from archbench.networks.resolve import Loaded
from archbench.networks.user_code import describe

# fvcore's names for operators, as archbench groups them
_GROUPS = {
    "convolution": ("conv",),
    "linear and matrix products": ("linear", "addmm", "matmul", "mm", "bmm", "einsum"),
}
_OURS = {
    "convolution": ("convolution",),
    "linear and matrix products": ("mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot"),
}
_NORMS = "normalisation is 0 by archbench's convention: fvcore charges 1 to 5 per element"
_EXTRAS = {
    "batch_norm": _NORMS,
    "layer_norm": _NORMS,
    "group_norm": _NORMS,
    "instance_norm": _NORMS,
    "adaptive_avg_pool2d": "pooling is 0 by archbench's convention: fvcore charges its input",
    "upsample_nearest2d": "resampling is 0 by archbench's convention: fvcore charges its output",
    "upsample_bilinear2d": "resampling is 0 by archbench's convention: fvcore charges its output",
    "grid_sampler": "resampling is 0 by archbench's convention: fvcore charges its output",
}
# What fvcore has no rule for although it is, or holds, a product that archbench counts.
_PRODUCTS = {
    "aten::_convolution_mode": "convolution",
    "aten::conv1d": "convolution",
    "aten::scaled_dot_product_attention": "linear and matrix products",
    "aten::_native_multi_head_attention": "linear and matrix products",
    "aten::_transformer_encoder_layer_fwd": "linear and matrix products",
    "aten::baddbmm": "linear and matrix products",
    "aten::addbmm": "linear and matrix products",
    "aten::mv": "linear and matrix products",
    "aten::addmv": "linear and matrix products",
    "aten::dot": "linear and matrix products",
    "aten::lstm": "linear and matrix products",
    "aten::gru": "linear and matrix products",
    "aten::rnn_tanh": "linear and matrix products",
    "aten::rnn_relu": "linear and matrix products",
    "aten::lstm_cell": "linear and matrix products",
    "aten::gru_cell": "linear and matrix products",
}


def cross_check(loaded: Loaded, plan: InputPlan, profile: Profile) -> CrossCheck:
    """Count a network with fvcore and say where and why it differs.

    Args:
        loaded: the model, with weights: fvcore runs it.
        plan: its inputs.
        profile: archbench's own count of the same model and inputs.

    Raises:
        ArchbenchError: fvcore is not installed, or cannot trace this model.
    """
    flops, unsupported = _count_with_fvcore(loaded, plan)
    ours = {op.op.removeprefix("aten."): op.macs for op in profile.operations if op.macs}
    rows = []
    for group, names in _GROUPS.items():
        macs = sum(ours.pop(name, 0) for name in _OURS[group])
        theirs = sum(flops.pop(name, 0) for name in names)
        if macs or theirs:
            rows.append(CrossCheckRow(group, macs, theirs, _why(group, macs, theirs, unsupported)))
    for name, macs in ours.items():
        theirs = flops.pop(name, 0)
        rows.append(CrossCheckRow(name, macs, theirs, _why(name, macs, theirs, unsupported)))
    for name, theirs in flops.items():
        why = _EXTRAS.get(name, "0 by archbench's convention: fvcore charges it")
        rows.append(CrossCheckRow(name, 0, theirs, why if theirs else ""))
    missed = tuple((op, calls) for op, calls in unsupported.items() if op in _PRODUCTS)
    return CrossCheck(version("fvcore"), tuple(rows), missed)


def _count_with_fvcore(loaded: Loaded, plan: InputPlan) -> tuple[Counter[str], Counter[str]]:
    """Return fvcore's count by operator, and how often it met one without a rule."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore leans on parts of torch that are going away
        return _count_quietly(loaded, plan)


def _count_quietly(loaded: Loaded, plan: InputPlan) -> tuple[Counter[str], Counter[str]]:
    require("fvcore", "--cross-check")
    paths = paths_of(loaded.module)
    device = own_device(paths)
    with swapped_tensors(paths, on_meta=False, prepare=lambda module: None):
        args, kwargs = plan.make(device)
        if kwargs:
            raise ArchbenchError(
                "fvcore counts positional inputs only", "give -i without names to cross-check"
            )
        analysis = fvcore_analysis(loaded.module, args)
        try:
            return Counter(analysis.by_operator()), Counter(analysis.unsupported_ops())
        except Exception as error:  # fvcore lets through whatever torch.jit.trace raises
            raise ArchbenchError(
                f"fvcore cannot count {loaded.name}: {describe(error)}",
                "the count without --cross-check does not need it",
            ) from error


def _why(group: str, macs: int, theirs: int, unsupported: Mapping[str, int]) -> str:
    """Explain one difference from what fvcore itself says it could not count."""
    if macs == theirs:
        return ""
    missed = [f"{op} ({n}x)" for op, n in unsupported.items() if _PRODUCTS.get(op) == group]
    if missed and theirs < macs:
        return f"fvcore has no rule for {', '.join(missed)}"
    return "fvcore's rule for this operation gives another number"
