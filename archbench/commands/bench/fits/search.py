"""The largest batch that fits into so much memory."""

from collections.abc import Callable
from functools import cache

from archbench.analysis.memory.estimate import estimate_memory
from archbench.analysis.memory.records import MemoryEstimate
from archbench.errors import ArchbenchError, InputRefused, UserCodeError
from archbench.networks.inputs import InputPlan
from archbench.networks.resolve import Loaded
from archbench.networks.training import DEFAULT_OPTIMIZER
from archbench.networks.ways import Mode

PATIENCE = 12  # estimates, after which halving takes over from following the slope


def largest_batch(
    loaded: Loaded,
    plan: InputPlan,
    limit_bytes: int,
    mode: Mode = "infer",
    optimizer: str = DEFAULT_OPTIMIZER,
    device: str = "cpu",
) -> int:
    """Find a batch whose estimated peak fits while that of one sample more does not.

    Memory grows almost in proportion to the batch, so that a few exact estimates suffice.

    Args:
        loaded: a model, with weights or blank.
        plan: its inputs, of any batch.
        limit_bytes: for everything: weights, optimizer, inputs and what the call takes.
        mode: "infer" or "train".
        optimizer: of a training step.
        device: where it would run, as in estimate_memory().

    Returns:
        The batch; 0 where the smallest one that runs does not fit. Where an estimate is a lower
        bound the batch is an upper one.

    Raises:
        ArchbenchError: the network runs on no batch, or only with real values.
    """

    @cache
    def peak(batch: int) -> int:
        estimate = estimate_memory(loaded, plan.of_batch(batch), mode, optimizer, device)
        return _without_values(estimate).peak_bytes

    try:
        peak(1)
        low = 1
    except (InputRefused, UserCodeError):
        if mode == "infer":
            raise
        low = 2  # batch normalisation cannot train on a single number per channel
    if peak(low) > limit_bytes:
        low += 1  # some kernels take more for one sample than for two
        if peak(low) > limit_bytes:
            return 0
    before, high, tries = 0, None, 0
    while high is None or high - low > 1:
        ahead = low if tries > PATIENCE else _ahead(before and low - before, low, peak, limit_bytes)
        guess = low + max(1, ahead)
        if high is not None:
            guess = (low + high) // 2 if tries > PATIENCE else min(guess, high - 1)
        if peak(guess) <= limit_bytes:
            before, low = low, guess
        else:
            high = guess
        tries += 1
    return low


def _ahead(behind: int, batch: int, peak: Callable[[int], int], limit_bytes: int) -> int:
    """Tell how many samples more would fill the limit, if memory went on as it has since before."""
    grown = peak(batch) - peak(batch - behind) if behind else 0
    if grown <= 0:
        return batch  # nothing is known yet: twice as many
    return (limit_bytes - peak(batch)) * behind // grown


def _without_values(estimate: MemoryEstimate) -> MemoryEstimate:
    """Pass on an estimate made on the meta device, where a large batch takes no memory.

    Raises:
        ArchbenchError: the network ran on a real device.
    """
    if estimate.note:
        raise ArchbenchError(
            f"no largest batch of {estimate.model} can be found: it {estimate.note}",
            "estimate the memory of one batch",
        )
    return estimate
