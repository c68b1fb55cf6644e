"""Whether a network that failed under the analysis runs without it."""

import torch

from archbench.analysis.isolation.child import ChildFailed, can_fork, in_child
from archbench.analysis.lazy_outputs import read_lazy_outputs
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import modules_of, own_device, set_training
from archbench.networks.resolve import Loaded

LIMIT_S = 60.0  # of the run without archbench


def runs_alone(loaded: Loaded, plan: InputPlan) -> bool | None:
    """Tell whether a network runs by itself on the same inputs, in a child process.

    None where that cannot be tried: no child can be forked, the network is not on the CPU or has no
    values, or the child had not ended after a minute.
    """
    device = own_device(modules_of(loaded.module))
    if device.type != "cpu" or not can_fork():
        return None

    def succeeds() -> bool:
        args, kwargs = plan.make(device)
        try:
            with torch.no_grad():
                set_training(modules_of(loaded.module), False)
                read_lazy_outputs(loaded.module(*args, **kwargs))
        except BaseException:
            return False
        return True

    try:
        return in_child(succeeds, LIMIT_S)
    except ChildFailed:
        return None
