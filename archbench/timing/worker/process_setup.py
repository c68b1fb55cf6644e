"""Where a session is measured: the device, its clocks, and the settings of the worker process."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from archbench.timing.cells import Cell
from archbench.timing.worker.accelerator import CudaStream, Stream
from archbench.timing.worker.clock import Clock, DeviceClock


@dataclass(frozen=True, slots=True)
class Place:
    """A device and the clocks that time it; tests make one up."""

    device: torch.device  #: computes the network
    clock: Clock  #: of the host
    stream: Stream | None = None  #: queue of an accelerator that has a clock of its own


def place_of(cell: Cell) -> Place:
    """Return the device that a cell names, with its real clocks."""
    device = torch.device(cell.device)
    stream = CudaStream(torch.cuda) if device.type == "cuda" else None
    return Place(device, DeviceClock(device), stream)


def configure_process(cell: Cell) -> None:
    """Set the CUDA device, the threads and the precision of this process as a cell has them.

    Float32 products are float32 or TF32, as the cell says: torch's own default is TF32 for
    convolutions and float32 for matrix products.
    """
    if cell.device.startswith("cuda:"):
        torch.cuda.set_device(cell.device)  # events, graphs and streams belong to the current one
    if cell.threads is not None:
        torch.set_num_threads(cell.threads)
    torch.backends.cuda.matmul.allow_tf32 = cell.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = cell.precision == "tf32"


def gradient_mode(cell: Cell, inference: bool = True) -> AbstractContextManager[Any]:
    """Return the context that a cell's calls run in: inference mode, unless the cell trains.

    Without `inference` it is no_grad(): a network that differentiates inside forward() cannot run
    in inference mode.
    """
    if cell.mode == "train":
        return nullcontext()
    return torch.inference_mode() if inference else torch.no_grad()
