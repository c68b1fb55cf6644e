"""A network's Profile: the rows of its layers and stages, and their totals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.failure import ForwardFailed, error_of
from archbench.analysis.isolation.child import ChildFailed, can_fork, in_child
from archbench.analysis.isolation.stand_ins import PLAIN
from archbench.analysis.operators import is_higher_order_name
from archbench.analysis.parameter_reads import unused_params
from archbench.analysis.recorder import Visit
from archbench.analysis.records import LayerCost, Profile, StageCost, Totals, UnusedParams
from archbench.analysis.remarks import remarks_on
from archbench.analysis.runs_alone import runs_alone
from archbench.analysis.trace import Trace, trace
from archbench.errors import AnalysisIncomplete, ArchbenchError, UserCodeError
from archbench.garbage_collector import collection_paused
from archbench.networks.inputs import (
    GivenInputs,
    InputPlan,
    InputSize,
    are_tensors,
    plan_given,
    without_batch,
)
from archbench.networks.module_tree import unwrapped
from archbench.networks.resolve import Loaded, load_on, plan_for
from archbench.units import Shape


def profile(
    model: str | nn.Module,
    input_size: InputSize | None = None,
    batch_size: int = 1,
    inputs: GivenInputs | None = None,
    strict: bool = False,
    model_kwargs: Mapping[str, Any] | None = None,
    isolated: bool = False,
    kwargs: Mapping[str, Any] | None = None,
    aux: bool = False,
    device: str = "auto",
) -> Profile:
    """Return the exact counts of one forward pass of a network, which stays as it was.

    MACs are the multiply-adds of convolutions, linear layers and matrix products of the whole
    batch; FLOPs are twice that. docs/conventions.md says what counts as what.

    Args:
        model: a MODEL string ("googlenet", "my_net.py:build[width=32]") or a module.
        input_size: without the batch: (3, 224, 224), "3x224x224", 224, or "name:dtype:shape";
            several inputs as a list. Or "file.py:inputs", a function of the batch size that
            returns the arguments of forward(). Default: archbench_inputs() beside the user's
            factory, or the architecture's own size. Tensors are `inputs`.
        batch_size: samples in the pass.
        inputs: arguments of forward(), in place of both sizes: a tuple or list of tensors and other
            values, a dict of them by name, or the one argument: a tensor, a packed sequence.
            Meta tensors are welcome.
        strict: refuse a count that is incomplete.
        model_kwargs: arguments of the network or of the user's factory.
        isolated: analyse in a forked child process, whose memory is gone afterwards; on Linux, and
            before CUDA is used. It is for a network of which errors.TensorsKept warns.
        kwargs: more arguments of forward(), by name, beside `inputs`.
        aux: build the auxiliary heads of training: short for model_kwargs={"aux": True}.
        device: where a MODEL runs that cannot be counted without values: "auto", "cpu", "cuda",
            "cuda:1" or "mps". A module runs where it is.

    Raises:
        ArchbenchError: no network has that name, or an input does not fit.
        UserCodeError: the user's import, factory or forward raised.
        AnalysisIncomplete: under strict, the counts are lower bounds.

    >>> profile("googlenet").totals.macs
    1582671872
    """
    built_with = {**(model_kwargs or {}), **({"aux": True} if aux else {})}
    if isinstance(model, nn.Module) and (built_with or device != "auto"):
        raise ArchbenchError(
            "model_kwargs, aux and device are for a MODEL that archbench builds, not for a module",
            "build the module so, and move it with module.to(device)",
        )
    loaded = load_on(model, built_with, device, blank=True)
    if inputs is None and are_tensors(input_size):
        inputs, input_size = input_size, None  # type: ignore[assignment]  # they are tensors
    if inputs is None and kwargs:
        raise ArchbenchError(
            "kwargs are arguments of forward() beside `inputs`, which are missing",
            'give inputs=(x,), or model_kwargs={"width": 2} for those of the network',
        )
    if isinstance(inputs, str):
        raise ArchbenchError(
            f"inputs are the arguments of forward(), not the text '{inputs}'",
            f'input_size="{inputs}" is a size, or a function that returns the inputs',
        )
    if inputs is None:
        plan = plan_for(loaded, input_size, batch_size)
    else:
        own = loaded.ways
        if own.input_size is not None or own.batch_size is not None:
            raise ArchbenchError(
                f"'{loaded.name}' sets its own input size or batch, and `inputs` are given",
                "leave one of the two out",
            )
        plan = plan_given(unwrapped(loaded.module), inputs, kwargs)
    result = _in_child(loaded, plan) if isolated else profile_loaded(loaded, plan)
    if strict:
        refuse_incomplete(result)
    return result


def _in_child(loaded: Loaded, plan: InputPlan) -> Profile:
    if not can_fork():
        raise ArchbenchError(
            "isolated=True needs a forked child: on Linux, in a process that has not used CUDA",
            "leave it out: the network is given back as it was all the same",
        )
    try:
        return in_child(partial(profile_loaded, loaded, plan))
    except ChildFailed as failed:
        raise UserCodeError(
            f"the analysis of {loaded.name} ended with its process: {failed}"
        ) from None


def profile_loaded(loaded: Loaded, plan: InputPlan) -> Profile:
    """Return the profile of a loaded module on planned inputs."""
    try:
        with collection_paused():
            traced = trace(unwrapped(loaded.module), plan)
            return _profile_of(loaded, plan, traced)
    except ForwardFailed as failed:
        raise error_of(failed, loaded, plan, runs_alone(loaded, plan)) from failed.__cause__


def refuse_incomplete(result: Profile) -> None:
    """Raise AnalysisIncomplete if something was left out of the count."""
    if result.gaps:
        raise AnalysisIncomplete(
            f"the count of {result.model} is incomplete: {'; '.join(result.gaps)}",
            "without --strict the rest is counted, as a lower bound",
        )


def _profile_of(loaded: Loaded, plan: InputPlan, traced: Trace) -> Profile:
    params = _own_tensors(traced, lambda module: module._parameters)
    buffers = _own_tensors(traced, lambda module: module._buffers)
    layers = _layers(traced, params, buffers, plan.batch_size)
    return Profile(
        loaded.name,
        plan.specs,
        plan.batch_size,
        _totals(layers, params, buffers, traced),
        _stages(layers, traced, plan.batch_size),
        layers,
        traced.operations,
        _uncalled(traced),
        traced.device,
        traced.note,
        arguments=loaded.arguments,
        missed=traced.missed,
        unused_params=_unused_params(traced),
        remarks=remarks_on(traced.paths, chain(*(held for _, held in params)), traced.operations),
        input_function="" if plan.function is None else plan.function.name,
    )


def _unused_params(traced: Trace) -> tuple[UnusedParams, ...] | None:
    """Return the parameters that no operation read; None if some operations were not seen."""
    hidden = any(op.bucket == "unknown" and is_higher_order_name(op.op) for op in traced.operations)
    return None if hidden or traced.missed else unused_params(traced.paths, traced.unread)


Owned = list[tuple[str, list[Tensor]]]  # the path of a module's row, and the tensors it holds


def _layers(traced: Trace, params: Owned, buffers: Owned, batch_size: int) -> tuple[LayerCost, ...]:
    all_params = _elements_by_path(params)
    trainable = _elements_by_path(
        [(path, [p for p in tensors if p.requires_grad]) for path, tensors in params]
    )
    all_buffers = _elements_by_path(buffers)
    return tuple(
        LayerCost(
            visit.path,
            visit.type,
            _without_batch(visit.output_shape, batch_size),
            all_params.get(visit.path, 0),
            visit.macs,
            visit.activations,
            visit.calls,
            trainable.get(visit.path, 0),
            all_buffers.get(visit.path, 0),
            visit.complete,
        )
        for visit in traced.visits.values()
    )


def _totals(layers: Sequence[LayerCost], params: Owned, buffers: Owned, traced: Trace) -> Totals:
    all_params = [p for _, tensors in params for p in tensors]
    return Totals(
        params=_elements(all_params),
        trainable_params=_elements(p for p in all_params if p.requires_grad),
        buffers=_elements(b for _, tensors in buffers for b in tensors),
        macs=sum(layer.macs for layer in layers),
        activations=sum(layer.activations for layer in layers),
        depth=traced.depth,
        complete=not traced.missed and all(layer.complete for layer in layers),
    )


def _without_batch(shape: Shape | None, batch_size: int) -> Shape | None:
    return None if shape is None else without_batch(shape, batch_size)


def _elements(tensors: Iterable[Tensor]) -> int:
    """Count elements; a lazy parameter that was never given a shape has none yet."""
    return sum(t.numel() for t in tensors if type(t) in PLAIN or not nn.parameter.is_lazy(t))


def _own_tensors(traced: Trace, of: Callable[[nn.Module], Mapping[str, Tensor | None]]) -> Owned:
    """Return the parameters, or the buffers, that each module holds itself; a shared one once."""
    seen: set[int] = set()
    owned: Owned = []
    for module, paths in traced.paths.items():
        tensors = []
        for tensor in of(module).values():
            if tensor is not None and id(tensor) not in seen:
                seen.add(id(tensor))
                tensors.append(tensor)
        if tensors:
            owned.append((_path_of_row(paths, traced.visits), tensors))
    return owned


def _path_of_row(paths: Sequence[str], visits: Mapping[str, Visit]) -> str:
    """Return the first path of a module that ran, else the nearest path above it that did."""
    for path in paths:
        if path in visits:
            return path
    return _nearest(paths[0], visits)


def _elements_by_path(owned: Owned) -> dict[str, int]:
    """Sum the elements of the tensors of each row."""
    elements: dict[str, int] = {}
    for path, tensors in owned:
        elements[path] = elements.get(path, 0) + _elements(tensors)
    return elements


def _nearest(path: str, visits: Mapping[str, Visit]) -> str:
    while path and path not in visits:
        path = path.rpartition(".")[0]
    return path


def _stages(layers: Iterable[LayerCost], traced: Trace, batch_size: int) -> tuple[StageCost, ...]:
    """Sum the layers under each top-level child, in the order in which the stages first ran."""
    sums: dict[str, list[int]] = {}
    incomplete = set()
    for layer in layers:
        name = layer.path.partition(".")[0]
        if not layer.complete:
            incomplete.add(name)
        counts = sums.setdefault(name, [0, 0, 0])
        counts[0] += layer.params
        counts[1] += layer.macs
        counts[2] += layer.activations
    itself = sums.pop("", [0, 0, 0])
    if any(itself) or "" in incomplete or not sums:
        sums[""] = itself
    stages = []
    for name, (params, macs, activations) in sums.items():
        visit = traced.visits.get(name)
        given, shape, depth = None, None, None
        if visit is not None:
            given = _without_batch(visit.input_shape, batch_size)
            shape, depth = _without_batch(visit.output_shape, batch_size), visit.depth
        complete = name not in incomplete
        stages.append(StageCost(name, shape, params, macs, activations, depth, given, complete))
    return tuple(stages)


_UNSEEN = (torch.jit.ScriptModule, nn.modules.linear.NonDynamicallyQuantizableLinear)


def _uncalled(traced: Trace) -> tuple[str, ...]:
    """Return the paths of modules whose forward() was not called, and that hold none that was.

    Left out are lists and the like, which have no forward(); scripted modules, whose calls Python
    does not see; and the output projection of nn.MultiheadAttention, whose weights its parent uses
    without calling it.
    """
    used = set(traced.visits)
    for path in traced.visits:
        while path:
            path = path.rpartition(".")[0]
            if path in used:
                break
            used.add(path)
    names = []
    for module, paths in traced.paths.items():
        if isinstance(module, _UNSEEN) or type(module).forward is nn.Module.forward:
            continue
        if used.isdisjoint(paths):
            names.append(paths[0])
    return tuple(names)
