"""The depth of networks whose tensors are of a subclass: that of the same network without it."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

import archbench
from tests.nets import Call


class Renamed(Tensor):
    """A subclass that changes nothing: torch makes each result one, as a new object."""


class Wrapper(Tensor):
    """A subclass that keeps a tensor and runs each operation on it, as quantised ones do."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "Wrapper":
        made: Wrapper = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.shape, dtype=inner.dtype, device=inner.device
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        def take(value: Any) -> Any:
            return value.inner if isinstance(value, Wrapper) else value

        def give(value: Any) -> Any:
            return Wrapper(value) if isinstance(value, Tensor) else value

        return tree_map(give, func(*tree_map(take, args), **tree_map(take, kwargs or {})))


def rows(x: Tensor) -> Any:
    return torch.nested.as_nested_tensor([x[0, :3], x[1]], layout=torch.jagged)


def padded(x: Any) -> Any:
    return torch.nested.to_padded_tensor(x, 0.0)


WAYS = {
    "renamed": (lambda x: x.as_subclass(Renamed), lambda x: x.as_subclass(Tensor)),
    "left renamed": (lambda x: x.as_subclass(Renamed), lambda x: x),
    "wrapper": (Wrapper, lambda x: x.inner),
    "left in the wrapper": (Wrapper, lambda x: x),
    "jagged": (rows, padded),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("before", "inside", "after"), [(0, 2, 0), (1, 1, 1), (0, 0, 2)])
def test_layers_count_behind_a_subclass(way: str, before: int, inside: int, after: int) -> None:
    """Linear layers before it, on it and after it make one chain: each adds 1."""
    enter, leave = WAYS[way]
    layers = [[nn.Linear(16, 16) for _ in range(count)] for count in (before, inside, after)]
    model = nn.Sequential(
        *layers[0],
        Call(lambda _, x: enter(x)),
        *layers[1],
        nn.ReLU(),
        Call(lambda _, x: leave(x)),
        *layers[2],
    )
    inputs = (torch.ones(2, 5, 16),)
    assert archbench.profile(model, inputs=inputs).totals.depth == before + inside + after


def test_a_weight_of_a_subclass_is_no_input() -> None:
    """A product with it is a layer; the product of two weights is none."""
    w, v = (nn.Parameter(torch.ones(5, 5).as_subclass(Renamed)) for _ in range(2))
    model = Call(lambda _, x: x @ (w @ v))
    assert archbench.profile(model, (5,)).totals.depth == 1
