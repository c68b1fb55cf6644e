"""What can be said of a cell without running it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archbench.analysis.layer_work import LayerWork
from archbench.analysis.memory.records import MemoryEstimate
from archbench.errors import ArchbenchError
from archbench.timing.cells import Cell

if TYPE_CHECKING:
    from archbench.networks.inputs import InputPlan
    from archbench.networks.resolve import Loaded


@dataclass(frozen=True, slots=True)
class Analysis:
    """The exact side of a cell."""

    macs: int  #: of one forward pass of the batch
    gaps: tuple[str, ...]  #: why that is a lower bound; empty if it is complete
    estimate: MemoryEstimate | None  #: of its memory; None where there is none, as under autocast
    work: tuple[LayerWork, ...] = ()  #: of each layer, where it was asked for


def analyse(loaded: "Loaded", plan: "InputPlan", cell: Cell, layers: bool) -> Analysis:
    """Count a cell's MACs, estimate its memory and, if asked, what each layer moves.

    Raises:
        ArchbenchError: an input does not fit the network.
        UserCodeError: the user's forward raised.
    """
    from archbench.analysis.memory.estimate import estimate_memory
    from archbench.analysis.precision import in_channels_last, in_precision
    from archbench.analysis.profile import profile_loaded
    from archbench.analysis.traffic import work_of

    profile = profile_loaded(loaded, plan)
    macs, gaps = profile.totals.macs, profile.gaps
    estimate = None
    if cell.precision != "amp":
        like = in_precision(loaded, plan, cell.precision)
        if cell.channels_last:
            like = in_channels_last(*like)
        # which kernels the CPU takes depends on the threads; what cannot be estimated may still run
        with torch_threads(cell.threads), suppress(ArchbenchError):
            estimate = estimate_memory(*like, cell.mode, cell.optimizer, cell.device)
    if not layers:
        return Analysis(macs, gaps, estimate)
    # under autocast nearly all of what moves is bfloat16
    half = "bf16" if cell.precision == "amp" else cell.precision
    return Analysis(macs, gaps, estimate, work_of(*in_precision(loaded, plan, half)))


@contextmanager
def torch_threads(threads: int | None) -> Iterator[None]:
    """Let torch compute with so many threads for a while; None leaves its number."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_layers(cells: Iterable[Cell]) -> None:
    """Refuse to watch layers where none are run one by one, or none can be timed in passing.

    Raises:
        ArchbenchError: a compiled model, a graph, or a training step was asked for; or a device
            whose own clock archbench does not read.
    """
    for cell in cells:
        if cell.device.partition(":")[0] not in ("cpu", "cuda"):
            device = cell.device
            raise ArchbenchError(f"--layers cannot time layers on '{device}'", "-d cpu or -d cuda")
        if cell.compiled is not None or cell.cuda_graph:
            raise ArchbenchError(
                "--layers needs layers that run one by one, which --compile and --cuda-graph fuse",
                "leave those out",
            )
        if cell.mode == "train":
            raise ArchbenchError("--layers is of a forward pass", "leave --mode train out")
