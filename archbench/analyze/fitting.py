"""The largest batch that fits into so much memory."""

from collections.abc import Callable
from functools import cache

from archbench.analyze.memory import estimate_memory
from archbench.errors import ArchbenchError, InputRefused, UserCodeError
from archbench.models.inputs import InputSize
from archbench.models.resolve import Loaded, plan_for
from archbench.models.training import DEFAULT_OPTIMIZER
from archbench.records.memory import MemoryEstimate, Mode

PATIENCE = 12  # estimates, after which halving takes over from following the slope


def largest_batch(
    loaded: Loaded,
    input_size: InputSize | None,
    limit_bytes: int,
    mode: Mode = "inference",
    optimizer: str = DEFAULT_OPTIMIZER,
    device: str = "cpu",
) -> int:
    """Find a batch whose estimated peak fits while that of one sample more does not.

    Memory grows almost in proportion to the batch, so that a few exact estimates suffice.

    Args:
        loaded: a model, with weights or blank.
        input_size: of one sample; None for the architecture's own.
        limit_bytes: for everything: weights, optimizer, inputs and what the call takes.
        mode: "inference" or "training".
        optimizer: of a training step.
        device: where it would run, as in estimate_memory().

    Returns:
        The batch; 0 where the smallest one that runs does not fit.

    Raises:
        ArchbenchError: the network runs on no batch, or only with real values.
    """

    @cache
    def peak(batch: int) -> int:
        plan = plan_for(loaded, input_size, batch)
        return _without_values(estimate_memory(loaded, plan, mode, optimizer, device)).peak_bytes

    fits = 1
    try:
        peak(1)
    except (InputRefused, UserCodeError):
        if mode == "inference":
            raise
        fits = 2  # batch normalisation cannot train on a single number per channel
    if peak(fits) > limit_bytes:
        return 0
    fails, tries = 0, 0  # nothing fails yet
    while not fails or fails - fits > 1:
        guess = _guess(fits, fails, limit_bytes, peak, tries > PATIENCE)
        if peak(guess) <= limit_bytes:
            fits = guess
        else:
            fails = guess
        tries += 1
    return fits


def _guess(fits: int, fails: int, limit_bytes: int, peak: Callable[[int], int], halve: bool) -> int:
    """Follow the slope from the batch that fits, to at most the one before that which fails.

    Without one that fails, the slope is that up to twice the batch. Small batches may take other
    kernels and more memory than larger ones: then there is no slope to follow, and it is doubled.
    """
    if fails and halve:
        return (fits + fails) // 2
    other = fails or 2 * fits
    slope = (peak(other) - peak(fits)) / (other - fits)
    if slope <= 0:
        return other
    guess = fits + max(1, int((limit_bytes - peak(fits)) / slope))
    return min(guess, fails - 1) if fails else guess


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
