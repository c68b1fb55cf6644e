"""Networks of the user's own, good and bad, for tests that measure them."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 5)
    )


class Slow(nn.Module):
    """Takes 20 ms at least."""

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta:
            time.sleep(0.02)
        return x * 2


class Says(nn.Module):
    """Prints on both streams, as users' code does."""

    def forward(self, x: Tensor) -> Tensor:
        print("to standard output")
        print("to standard error", file=sys.stderr)
        return x * 2


class Raises(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.is_meta:
            return x * 2
        raise RuntimeError("no such luck")


class Exits(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.is_meta:
            return x * 2
        sys.exit("bye")


class Sleeps(nn.Module):
    """Takes far longer than anybody waits."""

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta:
            time.sleep(1000)
        return x * 2


class Vanishes(nn.Module):
    """Ends its process without a word of farewell."""

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta:
            print("about to go", file=sys.stderr, flush=True)
            os._exit(7)
        return x * 2


class Breaks(nn.Module):
    """Breaks what its process needs to answer, which then ends with a traceback."""

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta:
            from archbench.timing.worker import session

            session.environment = None  # type: ignore[assignment]
        return x * 2


class Killed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta:
            os.kill(os.getpid(), signal.SIGKILL)
        return x * 2


class Huge(nn.Module):
    """Asks for more memory than any machine has."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.ones(2**50, device=x.device)[0]


class HugeLater(nn.Module):
    """Asks for it in its fourth call, which is timed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += not x.is_meta
        return x + torch.ones(2**50 if self.calls > 3 else 1, device=x.device)[0]


class NotFinite(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / (x - x)


class Denormal(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 1e-40


class Overflows(nn.Module):
    """Numbers that grow a thousandfold in each layer, until statistics settle."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(20):
            conv = nn.Conv2d(3, 3, 1)
            with torch.no_grad():
                conv.weight.mul_(1000)
            layers += [conv, nn.BatchNorm2d(3)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class Differentiates(nn.Module):
    """Returns the gradient of an energy, which inference mode refuses."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad((x**2).sum(), x)[0]


class NotesItsMode(nn.Module):
    """Notes for each call whether it runs in inference mode."""

    modes: ClassVar[list[bool]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.modes.append(torch.is_inference_mode_enabled())
        return x * 2


class Keeps(nn.Module):
    """Keeps every output in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.kept.append(x * 2)
        return self.kept[-1]


class KeepsViews(nn.Module):
    """Keeps views of one tensor: more tensors, of no more bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.zeros(8)
        self.kept: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.kept.append(self.table[:1])
        return x * 2


class Lengthens(nn.Module):
    """Puts a row behind one tensor in every call, as a cache of keys does."""

    def __init__(self) -> None:
        super().__init__()
        self.cache: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        row = x.flatten()[:1].clone()
        self.cache = row if self.cache is None else torch.cat([self.cache, row])
        return x * 2


class KeepsLast(nn.Module):
    """Keeps its last output, and leaves garbage that only the collector finds."""

    def forward(self, x: Tensor) -> Tensor:
        self.last = x * 2
        cycle: list[object] = [x + 1]
        cycle.append(cycle)
        return self.last


class Words(nn.Module):
    """Notes the words that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(1000, 4)
        self.given: list[Tensor] = []

    def forward(self, ids: Tensor) -> Tensor:
        if not ids.is_meta:
            self.given = [ids.clone()]
        return self.embed(ids)


def images(batch_size: int) -> Tensor:
    """Inputs of small()."""
    return torch.randn(batch_size, 3, 8, 8)


def one_image() -> tuple[Tensor]:
    return (torch.randn(1, 3, 8, 8),)


def normed() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


def one_vector() -> Tensor:
    return torch.randn(1, 4)


class Tokens(nn.Module):
    """Runs on tokens however they are packed; returns what holds them."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 32)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.data if isinstance(x, PackedSequence) else x)


def packed(batch_size: int) -> PackedSequence:
    return pack_sequence([torch.randn(n + 1, 16) for n in range(batch_size)], enforce_sorted=False)


def jagged(batch_size: int) -> Tensor:
    rows = [torch.randn(n + 1, 16) for n in range(batch_size)]
    return torch.nested.nested_tensor(rows, layout=torch.jagged)


class Call(nn.Module):
    """A network whose forward() is a plain function of it and its input."""

    def __init__(self, run: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self.run = run
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs: Tensor) -> Any:
        return self.run(self, *inputs)
