"""The reason why a network ran on its own device: the sentence that is true of each failure."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import archbench

_LIBRARY = torch.library.Library("archbench_reasons", "DEF")
_LIBRARY.define("without_meta(Tensor x) -> Tensor")
_LIBRARY.impl("without_meta", lambda x: x + 1, "CPU")


class Calls(nn.Module):
    """A linear layer, and a function of its result."""

    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Call the function, and return the layer's result."""
        out: Tensor = self.linear(x)
        self.function(out)
        return out


def on_meta(error: Exception) -> Callable[[Tensor], object]:
    """Raise an error on the meta device only, as a library does that lacks a part of itself."""

    def function(x: Tensor) -> None:
        if x.is_meta:
            raise error

    return function


def recovers(x: Tensor) -> None:
    """Fail in an operation, go on, and fail for another reason."""
    try:
        x.nonzero()
    except NotImplementedError:
        raise ValueError("no boxes") from None


VALUES = "it cannot run without values: "
FAILS = "its forward() fails on the meta device, which holds no values: "
REASONS: dict[str, tuple[Callable[[Tensor], object], str]] = {
    "item": (lambda x: x.sum().item(), VALUES),
    "branch": (lambda x: 1 if x.sum() > 0 else 2, VALUES),
    "list": (lambda x: x.tolist(), VALUES),
    "numpy": (lambda x: x.numpy(), VALUES),
    "other device": (lambda x: x.to("cpu"), VALUES),
    "nonzero": (lambda x: x.nonzero(), "the size of what aten.nonzero returns depends on values"),
    "mask": (lambda x: x[x > 0], "the size of what aten."),  # index in some releases, or nonzero
    "selected": (
        lambda x: x.masked_select(x > 0),
        "the size of what aten.masked_select returns depends on values",
    ),
    "unique": (lambda x: x.unique(), "the size of what aten._unique2 returns depends on values"),
    "repeated": (
        lambda x: torch.repeat_interleave(x, torch.ones_like(x[:, 0]).long(), 0),
        "the size of what aten.repeat_interleave returns depends on values",
    ),
    "equal": (lambda x: torch.equal(x, x), "what aten.equal returns depends on values"),
    "no kernel": (
        lambda x: torch.ops.archbench_reasons.without_meta(x),
        "archbench_reasons.without_meta has no kernel for the meta device",
    ),
    "library": (
        on_meta(RuntimeError("Couldn't load custom C++ ops. This can happen if ...")),
        f"{FAILS}RuntimeError: Couldn't load custom C++ ops",
    ),
    "without a text": (on_meta(ValueError()), f"{FAILS}ValueError"),
    "two devices": (lambda x: x + torch.ones(2, 3), FAILS),
    "after another": (lambda x: recovers(x) if x.is_meta else None, f"{FAILS}ValueError: no boxes"),
}


@pytest.mark.parametrize("name", REASONS)
def test_each_failure_on_the_meta_device_has_its_own_sentence(name: str) -> None:
    """A missing kernel, a missing library or two devices are no need for values."""
    function, reason = REASONS[name]
    profile = archbench.profile(Calls(function), "float32:4", batch_size=2)
    assert profile.device == "cpu"
    assert profile.note.startswith(f"ran on cpu, because {reason}")
    assert "attempted to run" not in profile.note
    assert profile.totals.macs == 2 * 4 * 3
