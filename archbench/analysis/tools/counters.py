"""The other tools themselves, each called as its own documentation shows, without its prints.

Each tool is optional. Some leave attributes in the network that they count, so each counts a copy
of its own.
"""

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor, nn

from archbench.networks.user_code import describe

Inputs = tuple[Any, ...]
Count = tuple[int | None, int | None]  # MACs and params as the tool prints them


class CannotCount(Exception):
    """A tool gave no number; the message is the tool's, or the reason why it did not run."""


def fvcore_analysis(model: nn.Module, inputs: Inputs) -> Any:
    """Return fvcore's analysis of a model, with its warnings off."""
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, inputs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return analysis.tracer_warnings("none")


def fvcore(model: nn.Module, inputs: Inputs) -> Count:
    """Count with fvcore."""
    from fvcore.nn import parameter_count

    return int(fvcore_analysis(model, inputs).total()), parameter_count(model)[""]


def torchinfo(model: nn.Module, inputs: Inputs) -> Count:
    """Count with torchinfo."""
    from torchinfo import summary

    device = next((t.device for t in inputs if isinstance(t, Tensor)), torch.device("cpu"))
    stats = summary(model, input_data=list(inputs), verbose=0, device=device)
    return stats.total_mult_adds, stats.total_params


def ptflops(model: nn.Module, inputs: Inputs) -> Count:
    """Count with ptflops, by its default backend."""
    with _without_broken_torchvision():
        from ptflops import get_model_complexity_info

    if len(inputs) != 1:
        raise CannotCount("takes networks of one input")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        macs, params = get_model_complexity_info(
            model, tuple(inputs[0].shape[1:]), as_strings=False, print_per_layer_stat=False
        )
    if macs is None:  # ptflops prints the network's exception, and carries on
        raise CannotCount((said.getvalue().strip().splitlines() or ["gave no number"])[-1])
    return macs, params


@contextlib.contextmanager
def _without_broken_torchvision() -> Iterator[None]:
    """Hide a torchvision that does not fit torch; ptflops does not need it, but imports it."""
    broken = False
    try:
        import torchvision  # noqa: F401  # to see whether the import fails
    except ImportError:
        pass
    except Exception:  # its compiled operations are missing, or another torch's
        broken = True
        sys.modules["torchvision"] = None  # type: ignore[assignment]  # makes it an ImportError
    try:
        yield
    finally:
        if broken:
            del sys.modules["torchvision"]


def thop(model: nn.Module, inputs: Inputs) -> Count:
    """Count with thop."""
    from thop import profile

    macs, params = profile(model, inputs=inputs, verbose=False)
    return int(macs), int(params)


def torchprofile(model: nn.Module, inputs: Inputs) -> Count:
    """Count with torchprofile, which counts no parameters."""
    from torchprofile import profile_macs

    macs = profile_macs(model, inputs)
    return (macs if isinstance(macs, int) else None), None


def flop_counter_mode(model: nn.Module, inputs: Inputs) -> Count:
    """Count with torch's own counter, which counts FLOPs and no parameters."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(*inputs)
    return counter.get_total_flops(), None


@dataclass(frozen=True, slots=True)
class Counter:
    """A tool that counts a network."""

    name: str
    package: str  #: its name for pip
    says: str  #: its word for multiply-adds
    counts_params: bool  #: whether it counts parameters too
    #: whether it fails on the meta device, as tools do that trace with torch.jit, or counts more
    #: there: for ptflops a linear layer is several operations there
    needs_values: bool
    count: Callable[[nn.Module, Inputs], Count]  #: runs the tool

    @property
    def version(self) -> str | None:
        """The installed version; None where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


COUNTERS = (
    Counter("fvcore", "fvcore", "flops", True, True, fvcore),
    Counter("torchinfo", "torchinfo", "mult-adds", True, False, torchinfo),
    Counter("ptflops", "ptflops", "MACs", True, True, ptflops),
    Counter("thop", "thop", "MACs", True, False, thop),
    Counter("torchprofile", "torchprofile", "MACs", False, True, torchprofile),
    Counter("FlopCounterMode", "torch", "FLOPs, 2 per MAC", False, False, flop_counter_mode),
)


def run(counter: Counter, model: nn.Module, inputs: Inputs) -> Count:
    """Return a tool's count of a network, which the tool may change.

    Raises:
        CannotCount: the tool failed; the message says how, in one line.
    """
    with _quiet(), torch.no_grad():
        try:
            return counter.count(model, inputs)
        except CannotCount:
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever the tool lets through, or the network
            raise CannotCount(describe(error)) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress prints, warnings and log lines."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(before)
