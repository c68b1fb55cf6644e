"""One forward pass of a network, with every operation in the module that ran it.

On the meta device nothing is computed and no weight is needed.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from archbench.analysis.depth import start_at
from archbench.analysis.forward_device import on_meta_or_own
from archbench.analysis.isolation.run import run_isolated
from archbench.analysis.isolation.survivors import Survivors
from archbench.analysis.lazy_outputs import read_lazy_outputs
from archbench.analysis.lazy_parameters import materialise
from archbench.analysis.parameter_reads import ParameterName, ids_of_parameters, names_of
from archbench.analysis.recorder import Recorder, Traffic, Visit
from archbench.analysis.records import OperationCount
from archbench.analysis.threads import threads_started, unseen_in_threads
from archbench.networks.blank_weights import META
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import Paths, paths_of


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward pass: the visits in the order of first calls, and all operations."""

    paths: Paths  #: of every module that was there to run
    visits: dict[str, Visit]  #: by path
    operations: tuple[OperationCount, ...]
    depth: int  #: layers on the longest chain
    device: str
    note: str = ""  #: the reason why the network ran on its own device
    missed: tuple[str, ...] = ()  #: what was not seen, so that the counts are lower bounds
    unread: tuple[ParameterName, ...] = ()  #: parameters that no operation read


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
    model, paths, own = materialise(model, paths, device, plan)
    missed: list[str] = []
    unread: list[ParameterName] = []
    recorder = Recorder(device == META, type(model).__name__, traffic)

    def call(args: tuple[Any, ...], kwargs: dict[str, Any], survivors: Survivors | None) -> None:
        recorder.survivors = survivors
        recorder.depth.unread = ids_of_parameters(paths)
        start_at((args, kwargs), paths)
        try:
            with recorder, threads_started() as started:
                out = model(*args, **kwargs)
                missed.extend(f"the network returned {one}" for one in read_lazy_outputs(out))
            missed.extend(unseen_in_threads(recorder, started, out))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise recorder.failure(error) from error
        if recorder.depth.unread:
            unread.extend(names_of(paths, recorder.depth.unread))

    run_isolated(
        paths, plan, device, call, lambda module: recorder.watch(module, paths[module]), own
    )
    recorder.add_threads(path for several in paths.values() for path in several)
    return Trace(
        paths,
        recorder.visits,
        recorder.counts(),
        recorder.depth.longest,
        str(device),
        missed=(*recorder.gaps, *missed),
        unread=tuple(unread),
    )
