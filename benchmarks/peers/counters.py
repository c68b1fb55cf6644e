"""Every counter as a function: a network and its input, to MACs and parameters.

None stands for what a counter does not give. The other tools are called, without gradients and
quietly, as `archbench explain` calls them.
"""

from collections.abc import Callable

from torch import Tensor, nn

from archbench.analysis.tools import counters

Count = tuple[float | None, float | None]  # MACs, params


def archbench(model: nn.Module, x: Tensor) -> Count:
    """Count with this project."""
    from archbench import profile

    totals = profile(model, inputs=(x,)).totals
    return totals.macs, totals.params


def other(counter: counters.Counter) -> Callable[[nn.Module, Tensor], Count]:
    """Count with another tool; where it prints FLOPs, return half of them."""

    def count(model: nn.Module, x: Tensor) -> Count:
        macs, params = counters.run(counter, model, (x,))
        halved = macs is not None and counter.says.startswith("FLOPs, 2 per MAC")
        return (macs / 2 if halved else macs), params

    return count


COUNTERS: dict[str, Callable[[nn.Module, Tensor], Count]] = {
    "archbench": archbench,
    **{counter.name: other(counter) for counter in counters.COUNTERS},
}
