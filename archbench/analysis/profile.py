"""A network's Profile: the rows of its layers and stages, and their totals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.failure import ForwardFailed, error_of
from archbench.analysis.isolation.alone import runs_alone
from archbench.analysis.recorder import Visit
from archbench.analysis.records import LayerCost, Profile, StageCost, Totals
from archbench.analysis.trace import Trace, trace
from archbench.errors import AnalysisIncomplete
from archbench.garbage_collector import collection_paused
from archbench.networks.inputs import GivenInputs, InputPlan, InputSize, plan_given, without_batch
from archbench.networks.module_tree import ByModule, unwrapped
from archbench.networks.resolve import Loaded, load, plan_for
from archbench.units import Shape


def profile(
    model: str | nn.Module,
    input_size: InputSize | None = None,
    batch_size: int = 1,
    inputs: GivenInputs | None = None,
    strict: bool = False,
    model_kwargs: Mapping[str, Any] | None = None,
) -> Profile:
    """Return the exact counts of one forward pass of a network, which stays as it was.

    MACs are the multiply-adds of convolutions, linear layers and matrix products of the whole
    batch; FLOPs are twice that. docs/conventions.md says what counts as what.

    Args:
        model: a MODEL string ("googlenet", "my_net.py:build") or a module.
        input_size: without the batch: (3, 224, 224), "3x224x224", 224, or "name:dtype:shape";
            several inputs as a list. Default: the architecture's own.
        batch_size: samples in the pass.
        inputs: a tuple or dict of tensors, meta ones welcome, in place of both sizes.
        strict: refuse a count that is incomplete.
        model_kwargs: arguments of the network or of the user's factory.

    Raises:
        ArchbenchError: no network has that name, or an input does not fit.
        UserCodeError: the user's import, factory or forward raised.
        AnalysisIncomplete: under strict, the counts are lower bounds.

    >>> profile("googlenet").totals.macs
    1582671872
    """
    loaded = load(model, model_kwargs, blank=True)
    if inputs is None:
        plan = plan_for(loaded, input_size, batch_size)
    else:
        plan = plan_given(unwrapped(loaded.module), inputs)
    result = profile_loaded(loaded, plan)
    if strict:
        refuse_incomplete(result)
    return result


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
    params = _own_tensors(traced.paths, lambda module: module._parameters)
    buffers = _own_tensors(traced.paths, lambda module: module._buffers)
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
    )


Owned = ByModule[list[Tensor]]  # the tensors that each module holds itself


def _layers(traced: Trace, params: Owned, buffers: Owned, batch_size: int) -> tuple[LayerCost, ...]:
    all_params = _elements_by_path(traced, params)
    trainable = _elements_by_path(traced, params, lambda tensor: tensor.requires_grad)
    all_buffers = _elements_by_path(traced, buffers)
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
    all_params = [p for tensors in params.values() for p in tensors]
    return Totals(
        params=_elements(all_params),
        trainable_params=_elements(p for p in all_params if p.requires_grad),
        buffers=_elements(b for tensors in buffers.values() for b in tensors),
        macs=sum(layer.macs for layer in layers),
        activations=sum(layer.activations for layer in layers),
        depth=traced.depth,
        complete=not traced.missed and all(layer.complete for layer in layers),
    )


def _without_batch(shape: Shape | None, batch_size: int) -> Shape | None:
    return None if shape is None else without_batch(shape, batch_size)


def _elements(tensors: Iterable[Tensor]) -> int:
    """Count elements; a lazy parameter that was never given a shape has none yet."""
    return sum(t.numel() for t in tensors if not nn.parameter.is_lazy(t))


def _own_tensors(
    modules: Iterable[nn.Module], of: Callable[[nn.Module], Mapping[str, Tensor | None]]
) -> Owned:
    """Return the parameters, or the buffers, that each module holds itself; a shared one once."""
    seen: set[int] = set()
    owned = Owned()
    for module in modules:
        for tensor in of(module).values():
            if tensor is not None and id(tensor) not in seen:
                seen.add(id(tensor))
                owned.setdefault(module, []).append(tensor)
    return owned


def _elements_by_path(
    traced: Trace, owned: Owned, counts: Callable[[Tensor], bool] = lambda tensor: True
) -> dict[str, int]:
    """Sum elements by path: the module's first path that ran, else the nearest above it."""
    elements: dict[str, int] = {}
    for module, tensors in owned.items():
        paths = traced.paths[module]
        ran = [path for path in paths if path in traced.visits]
        path = ran[0] if ran else _nearest(paths[0], traced.visits)
        elements[path] = elements.get(path, 0) + _elements(filter(counts, tensors))
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
    """Return the paths of modules that never ran and hold none that did.

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
