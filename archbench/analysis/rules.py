"""The cost of an operation, from shapes alone: every operation falls into exactly one bucket.

*Counted* operations have a rule below, or one in torch's own `torch.utils.flop_counter`. *Zero by
convention* are element-wise, moving, normalising, pooling and indexing operations. All others are
*unknown*, and the report names them. docs/conventions.md has the reasons.

One multiply and one add together are one MAC. Biases, padding and masks change nothing: padded
positions and causally masked scores are counted in full, as the papers do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from archbench.networks.tensors import operands
from archbench.private_torch import flop_formulas, takes_tensors


class Cost(NamedTuple):
    """The cost of one call."""

    macs: int
    activations: int  #: output elements of its products


Kwargs = Mapping[str, Any]
Rule = Callable[[Sequence[Any], Kwargs, Any], Cost]  # arguments of the call, its result -> cost
NO_COST = Cost(0, 0)


def convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost a convolution of any dimension, dilation, grouping and direction.

    A grouped weight already holds c_in / groups, so groups need no case. A transposed convolution
    spreads every *input* position over its kernel, so the elements of its input count.

    >>> x, w = torch.empty(1, 192, 28, 28), torch.empty(64, 192, 1, 1)
    >>> convolution((x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1), {}, torch.empty(1, 64, 28, 28))
    Cost(macs=9633792, activations=50176)
    """  # noqa: E501  # a doctest cannot break its line
    x, weight = args[0], args[1]
    transposed = len(args) > 6 and args[6] is True
    return Cost((x if transposed else out).numel() * prod(weight.shape[1:]), out.numel())


def time_first_convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost conv_tbc, whose weight is (kernel, c_in, c_out)."""
    return Cost(out.numel() * prod(args[1].shape[:2]), out.numel())


def transposed_convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost an operation that is transposed by its name (cuDNN's, MIOpen's)."""
    return Cost(args[0].numel() * prod(args[1].shape[1:]), out.numel())


@dataclass(frozen=True, slots=True)
class Product:
    """The rule of a matrix product whose factors are arguments number `first` and the next.

    Every output element sums over the left factor's last dimension. Factors may be batched.
    """

    first: int

    def __call__(self, args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
        """Cost the product."""
        return Cost(out.numel() * args[self.first].shape[-1], out.numel())


def batch_summed_product(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost addbmm, which adds the products of a batch into one matrix."""
    batch, _, inner = args[1].shape
    return Cost(out.numel() * inner * batch, out.numel())


def attention(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost fused attention as the two products that it stands for: q·kᵀ and scores·v.

    Shapes (..., heads, length, width), with grouped keys counted as the query's heads need them.
    """
    query, key, value = args[0], args[1], args[2]
    scores = prod(query.shape[:-1]) * key.shape[-2]
    result = prod(query.shape[:-1]) * value.shape[-1]
    return Cost(scores * query.shape[-1] + result * key.shape[-2], scores + result)


def mkldnn_recurrent_layer(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost one direction of one LSTM layer on the CPU: input and hidden products at every step."""
    x, w_input, w_hidden = args[0], args[1], args[2]
    return _steps(x.numel() // x.shape[-1], [w_input, w_hidden])


def cudnn_recurrent(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost a whole recurrent network on CUDA; its weights come flat, layer by layer."""
    x, weights = args[0], args[1]
    return _steps(x.numel() // x.shape[-1], [w for w in weights if w.dim() == 2])


def _steps(rows: int, matrices: Sequence[Tensor]) -> Cost:
    """Cost one product per matrix for every row, a row being one time step of one sample."""
    return Cost(rows * sum(w.numel() for w in matrices), rows * sum(w.shape[0] for w in matrices))


def _named(rule: Rule, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


COUNTED: dict[str, Rule] = {
    **_named(
        convolution,
        *("convolution", "_convolution", "convolution_overrideable", "cudnn_convolution"),
        *("cudnn_convolution_relu", "cudnn_convolution_add_relu", "miopen_convolution"),
        *("miopen_depthwise_convolution", "mkldnn_convolution", "_slow_conv2d_forward"),
        *("_conv_depthwise2d", "conv_depthwise3d", "slow_conv3d_forward", "slow_conv_dilated2d"),
        *("slow_conv_dilated3d", "_mps_convolution", "_nnpack_spatial_convolution"),
    ),
    **_named(
        transposed_convolution,
        *("cudnn_convolution_transpose", "miopen_convolution_transpose"),
        *("_mps_convolution_transpose", "slow_conv_transpose2d", "slow_conv_transpose3d"),
    ),
    **_named(time_first_convolution, "conv_tbc"),
    **_named(Product(0), "mm", "bmm", "mv", "dot", "vdot", "linear", "mkldnn_linear", "_int_mm"),
    **_named(Product(1), "addmm", "baddbmm", "addmv", "_addmm_activation"),
    **_named(batch_summed_product, "addbmm"),
    **_named(
        attention,
        *("_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu"),
        *("_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"),
        *("_scaled_dot_product_fused_attention_overrideable",),
        *("_scaled_dot_product_attention_math_for_mps",),
    ),
    **_named(mkldnn_recurrent_layer, "mkldnn_rnn_layer"),
    **_named(cudnn_recurrent, "_cudnn_rnn", "miopen_rnn"),
}

CONVOLUTIONS = frozenset({convolution, time_first_convolution, transposed_convolution})

# Zero by convention, beside every operation that torch itself tags as point-wise, as a view, as a
# reduction, or that takes no tensor at all. Names without the underscore of their in-place form.
ZERO = frozenset(
    # normalise and squash
    "native_batch_norm cudnn_batch_norm miopen_batch_norm _native_batch_norm_legit "
    "_native_batch_norm_legit_no_training _native_batch_norm_legit_functional "
    "_batch_norm_with_update _batch_norm_no_update _batch_norm_with_update_functional "
    "native_layer_norm native_group_norm _fused_rms_norm _softmax _log_softmax _safe_softmax "
    "_masked_softmax native_dropout _prelu_kernel glu rrelu_with_noise log_sigmoid_forward "
    "_weight_norm_interface _thnn_fused_lstm_cell _thnn_fused_gru_cell "
    # pool and resample
    "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d "
    "adaptive_avg_pool2d adaptive_avg_pool3d avg_pool2d avg_pool3d max_pool2d_with_indices "
    "max_pool3d_with_indices fractional_max_pool2d fractional_max_pool3d max_unpool2d "
    "max_unpool3d mkldnn_max_pool2d mkldnn_max_pool3d mkldnn_adaptive_avg_pool2d "
    "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d "
    "upsample_bilinear2d upsample_bicubic2d upsample_trilinear3d _upsample_nearest_exact1d "
    "_upsample_nearest_exact2d _upsample_nearest_exact3d _upsample_bilinear2d_aa "
    "_upsample_bicubic2d_aa grid_sampler_2d grid_sampler_3d cudnn_grid_sampler "
    "affine_grid_generator "
    # move, join, pad, copy, convert
    "cat stack _stack _chunk_cat block_diag repeat roll flip rot90 constant_pad_nd "
    "reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d "
    "replication_pad3d pixel_shuffle pixel_unshuffle channel_shuffle im2col col2im "
    "_unsafe_view _reshape_alias_copy _reshape_copy _mkldnn_reshape _mkldnn_transpose copy "
    "_to_copy clone contiguous lift lift_fresh lift_fresh_copy resize resize_as set as_strided "
    "as_strided_copy alias_copy detach expand_copy permute_copy select_copy slice_copy split_copy "
    "split_with_sizes_copy squeeze squeeze_copy t t_copy transpose transpose_copy unbind_copy "
    "unfold_copy unsqueeze unsqueeze_copy view_copy unsafe_split unsafe_split_with_sizes "
    "to_padded_tensor _pack_padded_sequence _pin_memory complex _conj_copy "
    "view_as_real_copy view_as_complex_copy narrow_copy _cudnn_rnn_flatten_weight "
    # look up and place
    "embedding embedding_renorm _embedding_bag _embedding_bag_forward_only gather scatter "
    "scatter_add scatter_reduce index index_select index_put _index_put_impl index_add index_copy "
    "index_fill index_reduce _unsafe_index _unsafe_index_put _unsafe_masked_index take put "
    "masked_fill masked_select masked_scatter where nonzero nonzero_static diag_embed "
    "diagonal_copy diagonal_scatter slice_scatter select_scatter as_strided_scatter tril triu "
    "trace "
    # order and reduce
    "sort topk kthvalue median nanmedian mode cumsum cumprod cummax cummin _cummax_helper "
    "_cummin_helper logcumsumexp _logcumsumexp unique_consecutive unique_dim _unique _unique2 "
    "bucketize searchsorted bincount histc isin _aminmax aminmax equal allclose "
    "_local_scalar_dense _is_all_true _is_any_true _assert_async _functional_assert_async "
    "is_same_size item renorm sum nansum mean prod max min amax amin argmax argmin all any norm "
    "linalg_vector_norm logsumexp std std_mean var var_mean count_nonzero "
    "segment_reduce "
    # make and draw
    "empty empty_permuted empty_strided full ones zeros eye arange range linspace logspace "
    "scalar_tensor tril_indices triu_indices sparse_coo_tensor from_file rand randn randint "
    "randperm bartlett_window blackman_window hamming_window hann_window kaiser_window "
    "fft_fftfreq fft_rfftfreq "
    "fill full_like zero zeros_like ones_like empty_like new_empty new_empty_strided new_full "
    "new_ones new_zeros rand_like randn_like randint_like normal uniform random bernoulli "
    "exponential multinomial poisson normal_functional "
    # compare with a target
    "mse_loss smooth_l1_loss huber_loss nll_loss_forward nll_loss2d_forward "
    "binary_cross_entropy binary_cross_entropy_with_logits soft_margin_loss multi_margin_loss "
    "_ctc_loss "
    # in-place point-wise forms that torch leaves untagged
    "add sub mul div relu gelu silu mish hardswish hardsigmoid sigmoid tanh threshold abs eq ne lt "
    "le gt ge floor_divide copysign _add_relu addr polar multilabel_margin_loss_forward "
    "_has_same_storage_numel leaky_relu".split()
)

_FREE_TAGS = frozenset(
    getattr(torch.Tag, name) for name in ("pointwise", "reduction") if hasattr(torch.Tag, name)
)


_OPERATION = type(torch.ops.aten.add.Tensor)


def is_higher_order(func: Any) -> bool:
    """Tell whether an operation runs functions, such as `torch.cond`."""
    return not isinstance(func, _OPERATION)


def _plain_name(func: Any) -> str:
    """Return an operation's name without its overload, as torch writes it: "aten::add"."""
    return str(func.name()).partition(".")[0]


def name_of(func: Any) -> str:
    """Return an operation's name in reports, without its overload: "aten.convolution"."""
    if is_higher_order(func):
        return f"higher_order.{func.name()}"
    return _plain_name(func).replace("::", ".")


def rule_for(func: Any) -> Rule | None:
    """Return the rule of an operation: `free` for zero by convention, None if it is unknown."""
    namespace, _, name = _plain_name(func).partition("::")
    if namespace == "aten":
        name = name if name in COUNTED else name.rstrip("_")
        if name in COUNTED:
            return COUNTED[name]
        if (
            name in ZERO
            or name.startswith("_foreach_")
            or not _FREE_TAGS.isdisjoint(func.tags)
            or func.is_view
        ):
            return free
    elif namespace in ("prim", "prims"):
        return free
    return _torch_rule(func) if takes_tensors(func) else free


def free(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost an operation that is zero by convention."""
    return NO_COST


def _torch_rule(func: Any) -> Rule | None:
    """Return a rule from torch's own registry, where custom operations register formulas."""
    formula = flop_formulas().get(func.overloadpacket)
    if formula is None:
        return None

    def rule(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
        flops = formula(*args, **kwargs, out_val=out)
        first = next(operands(out), None)  # a backward pass may leave some of its results out
        return Cost(flops // 2, 0 if first is None else first.numel())

    return rule
