"""Layers' work and times under a machine's ceilings."""

from collections.abc import Mapping, Sequence
from statistics import median

from archbench.analysis.layer_work import LayerWork
from archbench.commands.bench.layers.records import Bound, LayerTime, Roofline
from archbench.timing.ceilings import Ceilings
from archbench.timing.records import Session


def roofline_of(
    work: Sequence[LayerWork], sessions: Sequence[Session], ceilings: Ceilings
) -> Roofline | None:
    """Put each layer's median time over processes beside the least that it could take.

    None where no session has watched the layers.
    """
    watched = [session for session in sessions if session.layers_ns]
    if not watched:
        return None
    times = _medians_s(watched)
    layers = []
    for one in work:
        if one.path not in times:
            continue
        bound_s, bound = bound_of(one, ceilings)
        layers.append(LayerTime(one, times[one.path], bound_s, bound))
    whole_s = median(session.median_s() for session in watched)
    return Roofline(tuple(layers), whole_s, ceilings)


def bound_of(work: LayerWork, ceilings: Ceilings) -> tuple[float, Bound]:
    """Return the least seconds that a layer's work takes on a machine, and what sets them.

    Source: Williams, Waterman and Patterson, Roofline: an insightful visual performance model,
    2009; with a third bound for work so small that launching it takes longest.
    """
    bounds: dict[Bound, float] = {
        "compute": 2 * work.macs / ceilings.flops_per_s,
        "memory": work.bytes_moved / ceilings.bytes_per_s(work.bytes_moved),
        "launch": work.operations * ceilings.launch_s,
    }
    name = max(bounds, key=lambda bound: bounds[bound])
    return bounds[name], name


def _medians_s(sessions: Sequence[Session]) -> Mapping[str, float]:
    paths = dict.fromkeys(path for session in sessions for path in session.layers_ns)
    return {
        path: median(s.layers_ns[path] / 1e9 for s in sessions if path in s.layers_ns)
        for path in paths
    }
