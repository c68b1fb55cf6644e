"""One pass over a network that leaves no trace in it, nor in the program around it."""

import traceback
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import nn

from archbench.analysis.isolation.holders import globals_of, take_out
from archbench.analysis.isolation.stand_ins import clone, meta_stand_in
from archbench.analysis.isolation.survivors import Survivors
from archbench.analysis.isolation.swap import Swap
from archbench.analysis.isolation.torch_state import fixed_torch_state
from archbench.errors import TensorsKept
from archbench.garbage_collector import all_visible
from archbench.networks.blank_weights import META
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import own_device
from archbench.networks.user_code import exit_raises

Result = TypeVar("Result")
#: arguments of forward(), its named arguments, the watch for tensors that outlive it -> result
Call = Callable[[tuple[Any, ...], dict[str, Any], Survivors | None], Result]


def run_isolated(
    modules: Collection[nn.Module],
    plan: InputPlan,
    device: torch.device,
    call: Call[Result],
    prepare: Callable[[nn.Module], None] = lambda module: None,
    own: torch.device | None = None,
) -> Result:
    """Run a network on stand-ins for its tensors, in evaluation mode, and restore everything.

    Args:
        modules: all modules of the network, each once.
        plan: the inputs.
        device: "meta" for empty stand-ins, or the network's own device for copies, so that a
            forward() that writes to its tensors leaves the originals alone.
        call: runs the network. Its result must hold no tensors.
        prepare: is called with each module, and may set attributes on it; with none that is
            scripted, since Python cannot reach inside.
        own: the device of the user's network, if the modules are of a copy; default: theirs.

    Raises:
        UserCodeError: something could not be restored; everything else was.
    """
    with survivors_mended(modules, device, own) as survivors:
        swap = Swap(meta_stand_in if device == META else clone, survivors)
        with _swapped(swap, modules, prepare):
            return _called(swap, plan, device, call)


@contextmanager
def survivors_mended(
    modules: Collection[nn.Module], device: torch.device, own: torch.device | None = None
) -> Iterator[Survivors | None]:
    """Watch a pass on the meta device for tensors that outlive it, and mend what keeps them.

    Gives the watch, which is to be told of every operation; None where nothing needs mending: on
    another device, and of a network that has no values itself. `own` is the network's device, if
    it is another one than that of the modules.
    """
    own = own or own_device(modules)
    if device != META or own == META:
        yield None
        return
    survivors, variables = Survivors(own), globals_of(modules)
    try:
        yield survivors
    except BaseException as error:
        _forget_locals(error)
        raise
    finally:
        survivors.forget(modules)
        left = survivors.mend()
        with all_visible() if left else nullcontext():
            places = take_out(left, variables)
        if places:
            warnings.warn(TensorsKept(places), stacklevel=4)


@contextmanager
def _swapped(
    swap: Swap, modules: Iterable[nn.Module], prepare: Callable[[nn.Module], None]
) -> Iterator[None]:
    try:
        with fixed_torch_state():
            for module in modules:
                swap.enter_module(module)
                if not isinstance(module, torch.jit.ScriptModule):
                    prepare(module)
            yield
    finally:
        swap.restore()


def _called(swap: Swap, plan: InputPlan, device: torch.device, call: Call[Result]) -> Result:
    """Return what the call returns; its inputs are gone when this function ends."""
    args, kwargs = plan.make(device)
    swap.enter_inputs((args, kwargs))
    with exit_raises():
        return call(args, kwargs, swap.survivors)


def _forget_locals(error: BaseException | None) -> None:
    """Empty the frames that a traceback holds: their variables would keep tensors."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
