"""Run loaded models against each other in this process."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from archbench.errors import ArchbenchError, UserCodeError
from archbench.measure.clock import DeviceClock
from archbench.measure.environment import environment
from archbench.measure.runner import Progress, take_turns
from archbench.models.inputs import InputPlan
from archbench.models.resolve import Loaded
from archbench.models.user_code import describe
from archbench.records.timings import Session


def side_by_side(
    loaded: Sequence[Loaded],
    plans: Sequence[InputPlan],
    device: torch.device,
    max_time_s: float,
    seed: int,
    progress: Progress,
) -> Session:
    """Time one forward pass of each model, in evaluation mode and without gradients.

    Args:
        loaded: models with weights; they are moved to the device.
        plans: the inputs of each.
        device: where to run them.
        max_time_s: for warming up and measuring.
        seed: of the order in which they take turns, and of the inputs.
        progress: told how much of the time has passed.

    Raises:
        UserCodeError: a forward() raised.
    """
    calls = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for model, plan in zip(loaded, plans, strict=True):
            calls.append(_forward(model, plan, device))
        with torch.inference_mode():
            rounds = take_turns(calls, DeviceClock(device), max_time_s, seed, progress)
    return Session(
        models=tuple(model.name for model in loaded),
        rounds_ns=rounds.kept,
        batch_size=plans[0].batch_size,
        warm_up_rounds=rounds.warm_up,
        settled=rounds.settled,
        seed=seed,
        environment=environment(device),
    )


def _forward(model: Loaded, plan: InputPlan, device: torch.device) -> Callable[[], Any]:
    """Make the call that is timed, having tried it once."""
    try:
        module = model.module.to(device)
        args, kwargs = plan.make(device)
        settle_statistics(module, plan, device)
        module.eval()
        with torch.inference_mode():
            module(*args, **kwargs)
    except (Exception, SystemExit) as error:
        if _is_out_of_memory(error):
            raise ArchbenchError(
                f"{model.name} at batch {plan.batch_size} does not fit into memory on {device}",
                "try a smaller -b or -i",
            ) from error
        raise UserCodeError(
            f"forward of {model.name} failed on {device}: {describe(error)}",
            "--debug shows the traceback",
        ) from error
    return lambda: module(*args, **kwargs)


def _is_out_of_memory(error: BaseException) -> bool:
    """Recognise it on accelerators by its class, and on the CPU by what the allocator says."""
    out_of_memory = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, out_of_memory) or "can't allocate memory" in str(error)


def settle_statistics(module: nn.Module, plan: InputPlan, device: torch.device) -> None:
    """Let batch normalisation see one batch, so that fresh weights give ordinary numbers.

    A thousand layers with untouched running statistics overflow, and arithmetic with infinities
    and subnormal numbers does not take the time of ordinary arithmetic.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    args, kwargs = replace(plan, batch_size=max(2, plan.batch_size)).make(device)
    was_training = module.training
    try:
        for norm in norms:
            norm.momentum = 1.0  # take this batch's statistics whole
        module.train()
        with torch.no_grad():
            module(*args, **kwargs)
    finally:
        module.train(was_training)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
