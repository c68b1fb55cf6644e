"""Counting rules of other tools: a table of differences from archbench's MACs and params for each.

The rules were read in the tools' own source, named above each table. Whatever no table covers, such
as recurrent layers, stays visible as an unexplained difference.
"""

from collections.abc import Callable, Iterable

from archbench.analysis.records import Totals
from archbench.analysis.tools.charges import Charge, Functions, Modules, OtherModules, terms
from archbench.analysis.tools.module_uses import Uses
from archbench.analysis.tools.records import Quantity, Term

CONVOLUTIONS = frozenset({"Conv1d", "Conv2d", "Conv3d"})
TRANSPOSED = frozenset({"ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"})
LINEAR = frozenset({"Linear"})
BATCH_NORM = frozenset({"BatchNorm1d", "BatchNorm2d", "BatchNorm3d"})
INSTANCE_NORM = frozenset({"InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"})
MAX_POOL = frozenset({"MaxPool1d", "MaxPool2d", "MaxPool3d"})
ADAPTIVE_MAX = frozenset({"AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d"})
AVG_POOL = frozenset({"AvgPool1d", "AvgPool2d", "AvgPool3d"})
RECURRENT = frozenset({"RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"})
ADAPTIVE_AVG = frozenset({"AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d"})

F_NORM = frozenset({"F.batch_norm", "F.instance_norm", "F.group_norm", "F.layer_norm"})
F_OTHER_NORM = F_NORM - {"F.batch_norm"}
F_RESPONSE = frozenset({"F.local_response_norm"})
F_AVG_POOL = frozenset(
    {
        *("F.avg_pool1d", "F.avg_pool2d", "F.avg_pool3d"),
        *("F.adaptive_avg_pool1d", "F.adaptive_avg_pool2d", "F.adaptive_avg_pool3d"),
    }
)
F_MAX_POOL = frozenset(
    {
        *("F.max_pool1d", "F.max_pool2d", "F.max_pool3d"),
        *("F.adaptive_max_pool1d", "F.adaptive_max_pool2d", "F.adaptive_max_pool3d"),
    }
)
F_NAMED_PADDING = frozenset({"F.conv1d", "F.conv2d", "F.conv3d"})
F_ATTENTION = frozenset({"F.scaled_dot_product_attention"})


# fvcore 0.1.5, nn/flop_count.py and nn/jit_handles.py; its "flops" are multiply-adds.
FVCORE = (
    Functions(
        "batch normalisation, 2 per element", frozenset({"F.batch_norm"}), "outputs", 2, True
    ),
    Functions(
        "batch normalisation without scale, 1 per element",
        frozenset({"F.batch_norm"}),
        "outputs",
        affine=False,
    ),
    Functions("other normalisation, 5 per element", F_OTHER_NORM, "outputs", 5, True),
    Functions(
        "other normalisation without scale, 4 per element", F_OTHER_NORM, "outputs", 4, False
    ),
    Functions(
        "adaptive average pooling, 1 per input element",
        frozenset({"F.adaptive_avg_pool2d"}),
        "inputs",
    ),
    Functions("nearest resampling", frozenset({"F.interpolate nearest"}), "outputs"),
    Functions(
        "bilinear resampling, 4 per element",
        frozenset({"F.interpolate bilinear", "F.grid_sample"}),
        "outputs",
        4,
    ),
    Functions("fused attention, not counted", F_ATTENTION, "macs", -1),
    Functions("convolutions with a named padding, not counted", F_NAMED_PADDING, "macs", -1),
)

# thop 0.1.1, profile.py (register_hooks), vision/basic_hooks.py and vision/calc_func.py.
_THOP_NORM = BATCH_NORM | INSTANCE_NORM | {"LayerNorm", "SyncBatchNorm"}
_THOP_PRODUCTS = CONVOLUTIONS | TRANSPOSED | LINEAR
THOP = (
    Modules("normalisation, 4 per element", _THOP_NORM, "inputs", 4, affine=True),
    Modules("normalisation without scale, 2 per element", _THOP_NORM, "inputs", 2, affine=False),
    Modules("PReLU, 1 per element", frozenset({"PReLU"}), "inputs"),
    Modules("average pooling, 1 per output element", AVG_POOL, "outputs"),
    Modules("adaptive average pooling, 1 per input element", ADAPTIVE_AVG, "inputs"),
    Modules("adaptive average pooling, 1 per output element", ADAPTIVE_AVG, "outputs"),
    Modules("transposed convolutions, by output position", TRANSPOSED, "spread_macs"),
    # thop counts recurrent layers by a rule that is not here: the difference stays unexplained
    OtherModules("products outside the classes it knows", _THOP_PRODUCTS | RECURRENT, "macs", -1),
)
THOP_KNOWS = (_THOP_PRODUCTS | _THOP_NORM | MAX_POOL | ADAPTIVE_MAX | AVG_POOL | ADAPTIVE_AVG) | {
    *("ZeroPad2d", "PReLU", "Softmax", "ReLU", "ReLU6", "LeakyReLU", "Dropout", "Upsample"),
    *("UpsamplingBilinear2d", "UpsamplingNearest2d", "PixelShuffle", *RECURRENT),
}

# ptflops 0.7.5, pytorch_ops.py and pytorch_engine.py, its default backend. It hooks modules and
# wraps the functions that these call, so that activations and pools are counted twice.
_PTFLOPS_ACTIVATIONS = frozenset({"ReLU", "PReLU", "ELU", "LeakyReLU", "ReLU6", "GELU"})
_PTFLOPS_POOLS = MAX_POOL | ADAPTIVE_MAX | AVG_POOL | ADAPTIVE_AVG
_PTFLOPS_NORM = BATCH_NORM | INSTANCE_NORM | {"GroupNorm"}
_PTFLOPS_PRODUCTS = CONVOLUTIONS | TRANSPOSED | LINEAR
PTFLOPS = (
    Modules("biases of convolutions", CONVOLUTIONS | TRANSPOSED, "biased_products"),
    Modules("biases of linear layers", LINEAR, "biased_products"),
    Modules("normalisation, 2 per element", _PTFLOPS_NORM, "inputs", 2, affine=True),
    Modules("normalisation without scale, 1 per element", _PTFLOPS_NORM, "inputs", affine=False),
    Modules("layer normalisation, 1 per element", frozenset({"LayerNorm"}), "inputs"),
    Modules("activation modules, 1 per element", _PTFLOPS_ACTIVATIONS, "outputs"),
    Functions(
        "activation functions, those of the modules again",
        frozenset({"F.relu", "F.prelu", "F.elu", "F.relu6", "F.gelu", "F.silu", "F.softmax"}),
        "inputs",
    ),
    Modules("pooling modules, 1 per input element", _PTFLOPS_POOLS, "inputs"),
    Functions("pooling functions, those of the modules again", F_AVG_POOL | F_MAX_POOL, "inputs"),
    # the function computes a square, a scaling and a sum of every element, and averages the squares
    Functions("local response normalisation, 3 per element", F_RESPONSE, "outputs", 3),
    Functions("local response normalisation, 1 per padded square", F_RESPONSE, "inputs"),
    Modules("resampling modules, 1 per element", frozenset({"Upsample"}), "outputs"),
    Functions(
        "resampling functions, those of the modules again",
        frozenset({"F.interpolate nearest", "F.interpolate bilinear", "F.interpolate bicubic"}),
        "outputs",
    ),
    OtherModules(
        "products outside the classes it knows",
        _PTFLOPS_PRODUCTS | RECURRENT | {"MultiheadAttention"},
        "macs",
        -1,
    ),
)

# torchprofile 0.1.0, handlers.py.
TORCHPROFILE = (
    Functions("normalisation, 1 per element", F_NORM, "outputs", affine=True),
    Functions(
        "average pooling and means, 1 per output element",
        F_AVG_POOL | {"mean"},
        "outputs",
    ),
    Functions("local response normalisation, 3 per element", F_RESPONSE, "outputs", 3),
    Functions("element-wise products", frozenset({"mul", "mul_"}), "outputs"),
    Functions("leaky ReLU, 1 per element", frozenset({"F.leaky_relu"}), "outputs"),
    Functions(
        "bilinear resampling, 4 per element", frozenset({"F.interpolate bilinear"}), "outputs", 4
    ),
    Modules("transposed convolutions, by output position", TRANSPOSED, "spread_macs"),
    Functions("convolutions with a named padding, not counted", F_NAMED_PADDING, "macs", -1),
)


def torchinfo_terms(uses: Uses) -> tuple[Term, ...]:
    """Return the terms of torchinfo 1.8.0's mult-adds, layer_info.py (calculate_macs).

    torchinfo looks at modules without children, and only at their parameters named weight and bias.
    It counts them at every position in a class whose name holds "Conv", else once for each sample.
    """
    leaves = [use for use in uses.modules if use.leaf and use.calls]
    convs = [use for use in leaves if "Conv" in use.name]
    others = [use for use in leaves if "Conv" not in use.name]
    layers = [use for use in others if use.macs and use.weights]
    without_product = [use for use in others if not (use.macs and use.weights)]
    recurrent = [use for use in others if use.name in RECURRENT]  # torchinfo has a rule for them
    seen = sum(use.macs for use in (*convs, *layers, *recurrent))
    amounts = {
        "biases of convolutions, at every position": sum(u.biased_products for u in convs),
        "biases of linear layers, once per sample": sum(u.bias_per_sample for u in layers),
        "weights and biases of other modules, once per sample": sum(
            use.params_per_sample for use in without_product
        ),
        "transposed convolutions, by output position": sum(use.spread_macs for use in convs),
        "linear layers beyond one row per sample": -sum(u.macs_beyond_one_row for u in layers),
        "products outside modules with a weight": seen - sum(use.macs for use in uses.modules),
    }
    return tuple(Term(name, amount) for name, amount in amounts.items() if amount)


def flop_counter_terms(uses: Uses, totals: Totals) -> tuple[Term, ...]:
    """Count an addition beside every multiplication, as torch 2.13's utils/flop_counter.py does.

    torch has no formula for fused attention on the CPU.
    """
    fused = Functions("fused attention, not counted on the CPU", F_ATTENTION, "macs", -2)
    return (Term("FLOP = 2 × MAC", totals.macs), *terms([fused], uses))


# -- params --------------------------------------------------------------------------------------


def trainable_only(totals: Totals) -> tuple[Term, ...]:
    """Leave frozen parameters out, as ptflops 0.7.5 does (pytorch_engine.py)."""
    frozen = totals.params - totals.trainable_params
    return (Term("frozen parameters", -frozen),) if frozen else ()


def shared_again(uses: Uses, totals: Totals) -> tuple[Term, ...]:
    """Count a shared parameter once for each module that has it, as torchinfo 1.8.0 does."""
    again = sum(use.params for use in uses.modules) - totals.params
    return (Term("shared parameters, once for each module", again),) if again else ()


def thop_params(uses: Uses, totals: Totals) -> tuple[Term, ...]:
    """Count the parameters of called modules that thop 0.1.1 has a rule for."""
    charge = OtherModules("parameters outside the classes it knows", THOP_KNOWS, "params", -1)
    return (*shared_again(uses, totals), *terms([charge], uses))


Rule = Callable[[Uses, Totals], tuple[Term, ...]]


def _rule_of(charges: Iterable[Charge]) -> Rule:
    return lambda uses, totals: terms(charges, uses)


def _no_difference(uses: Uses, totals: Totals) -> tuple[Term, ...]:
    return ()


RULES: dict[tuple[str, Quantity], Rule] = {
    ("fvcore", "macs"): _rule_of(FVCORE),
    ("fvcore", "params"): _no_difference,
    ("torchinfo", "macs"): lambda uses, totals: torchinfo_terms(uses),
    ("torchinfo", "params"): shared_again,
    ("ptflops", "macs"): _rule_of(PTFLOPS),
    ("ptflops", "params"): lambda uses, totals: trainable_only(totals),
    ("thop", "macs"): _rule_of(THOP),
    ("thop", "params"): thop_params,
    ("torchprofile", "macs"): _rule_of(TORCHPROFILE),
    ("FlopCounterMode", "macs"): flop_counter_terms,
}
