"""Make the call that is timed: a network on its device, in its precision, with its inputs."""

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import torch
from torch import nn

from archbench.errors import ArchbenchError, UserCodeError
from archbench.networks.inputs import InputPlan
from archbench.networks.precision import HALF
from archbench.networks.resolve import Loaded
from archbench.networks.tensors import bytes_of, tensors_in
from archbench.networks.training import optimizer_for, training_step
from archbench.timing.cells import Cell
from archbench.timing.records import Flag
from archbench.timing.worker.activations import activation_flags
from archbench.timing.worker.clock import Call
from archbench.timing.worker.errors import archbench_errors
from archbench.timing.worker.graphs import captured
from archbench.timing.worker.input_sets import Arguments, input_sets
from archbench.timing.worker.integer_inputs import with_integer_values
from archbench.timing.worker.settle import settle_statistics

# samples in the two untimed passes (batch-norm statistics, activation check); bounds their memory
FEW = 8


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that is ready to be timed."""

    call: Call  #: one forward pass, or one step of training
    module: nn.Module  #: the network, not compiled
    inputs: Arguments  #: of one call
    optimizer: torch.optim.Optimizer | None  #: None where nothing is trained
    compiled: bool  #: whether the first call compiles
    flags: tuple[Flag, ...]  #: what a reader should know of its values

    def alive_bytes(self) -> int:
        """Return the bytes that are allocated between two calls.

        That is weights, buffers, gradients, the optimizer's state and one set of inputs.
        """
        state = [] if self.optimizer is None else list(self.optimizer.state.values())
        gradients = [parameter.grad for parameter in self.module.parameters()]
        parameters, buffers = self.module.parameters(), self.module.buffers()
        kept = bytes_of(tensors_in([*parameters, *buffers, gradients, state]))
        return kept + sum(t.numel() * t.element_size() for t in tensors_in(self.inputs))


def prepare(
    loaded: Loaded, plan: InputPlan, cell: Cell, device: torch.device, cache_bytes: int
) -> Prepared:
    """Return a cell's call, after a few untimed passes through the network.

    The loaded module itself is moved and converted. Cold inputs overflow the device's last cache,
    of `cache_bytes`. Integer inputs are drawn from the range that the network shows.

    Raises:
        OutOfMemory: there is not enough for it.
        UserCodeError: a forward() raised.
        ArchbenchError: the optimizer is not known.
    """
    with archbench_errors(cell, UserCodeError, f"forward of {loaded.name} failed on {device}"):
        few = plan.of_batch(min(max(2, plan.batch_size), FEW)) if plan.takes_batch else plan
        module = _on_device(loaded.module, cell, device)
        run = partial(_run, module.eval(), cell, device)
        few, unknown = with_integer_values(few, lambda own: own.make(device), run)
        module = _prepare_module(module, few, cell, device)
        with autocast(cell, device):
            flags = activation_flags(module, *_first_set(cell, device, few))
        if few.batch_size == plan.batch_size:
            plan = few
        else:
            make = partial(_first_set, cell, device)
            plan, unknown = with_integer_values(plan, make, run)
        inputs = input_sets(plan, cell, device, cache_bytes)
    optimizer = _optimizer(module, cell)
    runs: Any = module if cell.compiled is None else torch.compile(module, mode=cell.compiled)
    call = _forward(runs, inputs, cell, device)
    if optimizer is not None:
        call = partial(training_step, call, optimizer)
    if unknown:
        flags = (*flags, "zero_integers")
    return Prepared(call, module, inputs[0], optimizer, cell.compiled is not None, flags)


def run_untimed(prepared: Prepared, cell: Cell) -> None:
    """Run the call once: the first call compiles, and allocates what later calls reuse.

    Raises:
        OutOfMemory: there is not enough for it.
        UserCodeError: it raised.
        ArchbenchError: it raised in the compiler.
    """
    kind: type[ArchbenchError] = UserCodeError
    what_failed = f"running {cell.model} failed"
    if cell.compiled is not None:
        kind, what_failed = ArchbenchError, f"{cell.model} runs, but torch.compile of it failed"
    with archbench_errors(cell, kind, what_failed), warnings.catch_warnings():
        if cell.cuda_graph:  # a capturable optimizer warns where it is not captured yet
            warnings.filterwarnings("ignore", message=".*capturable.*")
        prepared.call()


def timed_call(prepared: Prepared, cell: Cell) -> Call:
    """Return the function to time: the call, or a CUDA graph that was captured from it.

    Raises:
        ArchbenchError: it cannot be captured.
    """
    if not cell.cuda_graph:
        return prepared.call
    with archbench_errors(cell, ArchbenchError, f"{cell.model} runs, but not as a CUDA graph"):
        return captured(prepared.call, torch.cuda)


def autocast(cell: Cell, device: torch.device) -> AbstractContextManager[Any]:
    """Return the context of a forward pass: autocast to bfloat16 for `--precision amp`."""
    if cell.precision != "amp":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _on_device(module: nn.Module, cell: Cell, device: torch.device) -> nn.Module:
    """Return the module on its device, in its memory format."""
    module = module.to(device)
    if cell.channels_last:
        to: Any = module.to  # torch's annotations know no memory_format
        module = to(memory_format=torch.channels_last)
    return module


def _first_set(cell: Cell, device: torch.device, plan: InputPlan) -> Arguments:
    return input_sets(plan, cell, device, 0)[0]


def _run(module: nn.Module, cell: Cell, device: torch.device, inputs: Arguments) -> Any:
    args, kwargs = inputs
    with autocast(cell, device):
        return module(*args, **kwargs)


def _prepare_module(
    module: nn.Module, few: InputPlan, cell: Cell, device: torch.device
) -> nn.Module:
    """Return the module with settled statistics, in its precision and mode."""
    settle_statistics(module, few, device)
    if cell.precision in HALF:
        module = module.to(HALF[cell.precision])
    module.train(cell.mode == "train")
    return module


def _optimizer(module: nn.Module, cell: Cell) -> torch.optim.Optimizer | None:
    if cell.mode != "train":
        return None
    optimizer = optimizer_for(cell.optimizer, module.parameters())
    for group in optimizer.param_groups:
        if cell.cuda_graph and "capturable" in group:  # else adam counts its steps on the host
            group["capturable"] = True
    return optimizer


def _forward(
    module: nn.Module, inputs: Sequence[Arguments], cell: Cell, device: torch.device
) -> Call:
    """Return the shortest function that runs the module: all that surrounds it is timed too."""
    if len(inputs) == 1 and cell.precision != "amp":
        args, kwargs = inputs[0]
        return lambda: module(*args, **kwargs)
    turns = cycle(inputs)

    def forward() -> Any:
        args, kwargs = next(turns)
        with autocast(cell, device):
            return module(*args, **kwargs)

    return forward
