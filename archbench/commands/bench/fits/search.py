"""The largest batch that fits into so much memory: by analysis, and after some that were run."""

from collections.abc import Callable, Sequence
from functools import cache

from archbench.analysis.memory.estimate import estimate_memory
from archbench.commands.bench.fits.records import Attempt
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
    """Return a batch whose estimated peak fits while that of one sample more does not.

    0 where the smallest batch that runs does not fit. Where an estimate is a lower bound the batch
    is an upper one. The limit is for everything: weights, optimizer, inputs and what the call
    takes. Memory grows almost in proportion to the batch, so that a few exact estimates suffice.

    Raises:
        ArchbenchError: the network runs on no batch, or only with real values.
    """

    @cache
    def peak(batch: int) -> int:
        estimate = estimate_memory(loaded, plan.of_batch(batch), mode, optimizer, device)
        if estimate.note:  # the network ran with values: a large batch takes memory
            raise ArchbenchError(
                f"no largest batch of {estimate.model} can be found: it {estimate.note}",
                "estimate the memory of one batch",
            )
        return estimate.peak_bytes

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
    """Return how many samples more would fill the limit, if memory grew on as it last has."""
    grown = peak(batch) - peak(batch - behind) if behind else 0
    if grown <= 0:
        return batch  # nothing is known yet: twice as many
    return (limit_bytes - peak(batch)) * behind // grown


def next_batch(limit_bytes: int, attempts: Sequence[Attempt]) -> int | None:
    """Choose the batch to try after some; None where no better one is in sight.

    Memory grows with the batch in a straight line: through two attempts, or, after one, through
    nothing at batch 0, which is too steep and hence careful upwards. A batch that is known to fit,
    or not to, is not tried again, nor is one beyond those.
    """
    low = max((a.batch_size for a in attempts if a.fits), default=0)
    high = min((a.batch_size for a in attempts if not a.fits), default=None)
    points = [(a.batch_size, a.peak_bytes) for a in attempts if a.peak_bytes is not None]
    if points:
        batch, peak = points[-1]
        slope = peak / batch
        if len(points) > 1 and points[-2][0] != batch:
            slope = max(1.0, (peak - points[-2][1]) / (batch - points[-2][0]))
        wanted = int(batch + (limit_bytes - peak) / slope)
    else:
        wanted = (low + (high or 1)) // 2
    if high is not None and wanted >= high:  # the line does not know what failed there
        wanted = (low + high) // 2
    return wanted if wanted > low else None
