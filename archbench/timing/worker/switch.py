"""Cells that take turns in one process and set it up differently: other threads, or TF32."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from archbench.timing.cells import Cell
from archbench.timing.worker.clock import Call
from archbench.timing.worker.process_setup import configure_process
from archbench.timing.worker.runner import Switch


def with_threads(cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Return cells that all name their threads, if some do and take turns with others.

    torch does not tell its own number any more once it was set to another.
    """
    if len({cell.threads for cell in cells}) == 1:
        return cells
    return tuple(replace(cell, threads=cell.threads or torch.get_num_threads()) for cell in cells)


def process_switch(cells: Sequence[Cell], calls: Sequence[Call]) -> Switch:
    """Return a function that prepares this process for the next call, by the index of its cell.

    Where cells differ in threads or in TF32, it sets them and makes one call that is not timed: the
    first call after a change starts or stops threads. Where no cell differs it does nothing.
    """
    if len({(cell.threads, cell.precision == "tf32") for cell in cells}) == 1:
        return lambda i: None

    def switch(i: int) -> None:
        configure_process(cells[i])
        calls[i]()

    return switch
