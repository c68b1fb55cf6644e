"""Attention as one fused operation, as devices compute it; the meta device would decompose it."""

from typing import Any
from unittest.mock import patch

from torch.nn import functional
from torch.overrides import TorchFunctionMode

from archbench.private_torch import fused_attention

# Where FUSED is None, attention is decomposed.
FUSED, FUSED_BACKWARD = fused_attention()
FUSED_OPERATIONS = tuple(op for op in (FUSED, FUSED_BACKWARD) if op is not None)
UNFUSED = functional.scaled_dot_product_attention


class FusedAttention(TorchFunctionMode):
    """While active, attention keeps its result and one number per row, but no matrix of weights.

    That is the least memory that a kernel for attention holds. On the meta device torch would
    choose the kernel that holds the matrix.

    Args:
        with_dropout: fuse attention with dropout too, which is never fused on the CPU.
    """

    def __init__(self, with_dropout: bool) -> None:
        super().__init__()
        self._with_dropout = with_dropout

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.multi_head_attention_forward:
            with patch.object(functional, "scaled_dot_product_attention", self._attention):
                return func(*args, **kwargs)
        return (self._attention if func is UNFUSED else func)(*args, **kwargs)

    def _attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attn_mask: Any = None,
        dropout_p: float = 0.0,
        *others: Any,
        **kwargs: Any,
    ) -> Any:
        """Compute attention, fused where that is possible."""
        if _fits(query, key, value) and FUSED and (self._with_dropout or dropout_p == 0):
            return FUSED(query, key, value)[0]
        return UNFUSED(query, key, value, attn_mask, dropout_p, *others, **kwargs)


def _fits(query: Any, key: Any, value: Any) -> bool:
    """Tell whether the fused operation takes these shapes."""
    batches = {query.shape[:2], key.shape[:2], value.shape[:2]}
    widths = {query.shape[-1], key.shape[-1], value.shape[-1]}
    plain = query.device.type == "meta" and query.dim() == 4
    return plain and len(batches) == len(widths) == 1
