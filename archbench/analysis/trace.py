"""One forward pass of a network, with every operation in the module that ran it.

On the meta device nothing is computed and no weight is needed.
"""

from collections import deque
from dataclasses import dataclass, replace
from types import GeneratorType

import torch
from torch import nn

from archbench.analysis.depth import start_at
from archbench.analysis.forward_device import on_meta_or_own
from archbench.analysis.lazy import materialise
from archbench.analysis.module_tree import Paths, paths_of
from archbench.analysis.recorder import Recorder, Traffic, Visit
from archbench.analysis.records import OperationCount
from archbench.analysis.tensor_swap import swapped_tensors
from archbench.networks.blank_weights import META
from archbench.networks.inputs import InputPlan


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward pass: the visits in the order of first calls, and all operations."""

    paths: Paths  #: of every module that was there to run
    visits: dict[str, Visit]  #: by path
    operations: tuple[OperationCount, ...]
    depth: int  #: layers on the longest chain
    device: str
    note: str = ""  #: the reason why the network ran on its own device


def trace(model: nn.Module, plan: InputPlan, traffic: Traffic | None = None) -> Trace:
    """Run the model once in evaluation mode, without gradients, and leave it as it was.

    It runs on the meta device; a model that reads tensor values cannot, and runs on its own
    device instead.

    Args:
        model: any module, on any device; one with lazy parameters is analysed on a copy.
        plan: its inputs.
        traffic: returns how many bytes an operation reads and writes, to be summed up as well.

    Raises:
        ForwardFailed: forward() raised, on the model's own device too where it has one.
    """
    paths = paths_of(model)
    found, note = on_meta_or_own(paths, lambda on: _trace_on(on, model, paths, plan, traffic))
    return replace(found, note=note)


def _trace_on(
    device: torch.device, model: nn.Module, paths: Paths, plan: InputPlan, traffic: Traffic | None
) -> Trace:
    model, paths = materialise(model, paths, device, plan)
    on_meta = device == META
    recorder = Recorder(on_meta, type(model).__name__, traffic)
    with swapped_tensors(paths, on_meta, lambda module: recorder.watch(module, paths[module])):
        args, kwargs = plan.make(device)
        start_at((args, kwargs))
        try:
            with recorder:
                out = model(*args, **kwargs)
                if isinstance(out, GeneratorType):  # runs as it is read
                    deque(out, maxlen=0)
        except (Exception, SystemExit) as error:
            raise recorder.failure(error) from error
    return Trace(paths, recorder.visits, recorder.counts(), recorder.depth.longest, str(device))
