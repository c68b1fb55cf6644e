"""The computed peak of memory beside the measured one, for the whole shelf: `make memory`.

Bytes above what is alive before the call, on the CPU: a forward pass, and a training step with
momentum. A count of bytes does not depend on how busy the machine is; which kernels run, and so
what they take, depends on the processor, on torch and on the number of threads.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from archbench.analysis.memory.estimate import estimate_memory
from archbench.analysis.memory.instruction_set import instruction_set
from archbench.analysis.memory.records import PROMISED
from archbench.networks.inputs import InputPlan
from archbench.networks.registry import ARCHITECTURES
from archbench.networks.resolve import load, plan_for
from archbench.networks.training import DEFAULT_OPTIMIZER, optimizer_for, training_step
from archbench.networks.ways import Mode
from archbench.timing.machine.environment import environment
from archbench.timing.worker.peak_memory import peak_allocation
from archbench.units import scaled

CPU = torch.device("cpu")
BATCHES: dict[Mode, tuple[int, ...]] = {
    "infer": (1, 4),
    "train": (2, 4),  # at 1, batch normalisation refuses to train on some networks
}


class Row(NamedTuple):
    """One network in one mode at one batch; peaks in bytes.

    Args:
        complete: whether the estimate is no lower bound only.
    """

    network: str
    mode: Mode
    batch: int
    computed: int
    complete: bool
    measured: int


def measured(
    module: torch.nn.Module, plan: InputPlan, mode: Mode, optimizer: str = DEFAULT_OPTIMIZER
) -> int:
    """Measure a pass, or a step that is not the first: the optimizer's state is there before it."""
    args, kwargs = plan.make(CPU)
    if mode == "infer":
        module.eval()
        with torch.inference_mode():
            return peak_allocation(lambda: module(*args, **kwargs), CPU)
    module.train()
    steps = optimizer_for(optimizer, module.parameters())

    def step():
        training_step(lambda: module(*args, **kwargs), steps)

    step()
    return peak_allocation(step, CPU)


def rows(names: list[str]) -> Iterator[Row]:
    """Estimate and measure every network in every mode and batch."""
    for name in names:
        blank = load(name, blank=True)
        module = load(name).module
        for mode, batches in BATCHES.items():
            for batch in batches:
                plan = plan_for(blank, None, batch)
                found = estimate_memory(blank, plan, mode)
                computed, complete = found.activations_peak_bytes, found.complete
                yield Row(name, mode, batch, computed, complete, measured(module, plan, mode))
                print(f"{name}, {mode}, batch {batch}", file=sys.stderr)


def ratio(row: Row) -> float:
    """Return the estimate over the measured peak."""
    return row.computed / row.measured


def off_by(row: Row) -> float:
    """Return how far the ratio is from 1."""
    return abs(ratio(row) - 1)


def report(found: list[Row]) -> str:
    """Write the rows as a Markdown table under the machine they were measured on."""
    env = environment(CPU)
    isa = instruction_set() or "an unknown instruction set"
    complete = [row for row in found if row.complete]
    modes = [[row for row in complete if row.mode == mode] for mode in BATCHES]
    worst = [max(rows, key=off_by) for rows in modes if rows]
    return "\n".join(
        [
            "# Peak memory, computed and measured",
            "",
            f"Made by `make memory` on {env.processor}, {isa}, {env.cores} cores, {env.threads} "
            f"threads, Python {env.python}, torch {env.torch}. Bytes above what is alive before "
            "the call, single precision: a forward pass, and a training step with momentum "
            "(gradients included; weights and the optimizer's state are alive before). Computed "
            "on the meta device; measured from the events of torch's allocator. ≥: the estimate "
            "is a lower bound, and promises no more.",
            "",
            "| network | mode | batch | computed | measured | ratio |",
            "| --- | --- | ---: | ---: | ---: | ---: |",
            *(
                f"| {row.network} | {row.mode} | {row.batch} "
                f"| {'' if row.complete else '≥ '}{scaled(row.computed)}B "
                f"| {scaled(row.measured)}B | {ratio(row):.4f} |"
                for row in found
            ),
            "",
            f"{len(complete)} of {len(found)} estimates are complete.",
            *(
                f"Worst ratio of these at {row.mode}: {ratio(row):.4f} "
                f"({row.network}, batch {row.batch})."
                for row in worst
            ),
            "",
            *_promises(found, complete),
            "",
        ]
    )


def _promises(found: list[Row], complete: list[Row]) -> list[str]:
    """Say whether each kind of estimate keeps what it promises."""
    lines = []
    if complete:
        worst = max(complete, key=off_by)
        kept = "kept" if off_by(worst) <= PROMISED else "NOT kept"
        lines.append(
            f"Worst ratio of all: {ratio(worst):.4f} ({worst.network}, {worst.mode}, batch "
            f"{worst.batch}); promised: within {PROMISED:.0%}, {kept}."
        )
    partial = [row for row in found if not row.complete]
    if partial:
        most = max(partial, key=ratio)
        kept = "kept" if ratio(most) <= 1 else "NOT kept"
        lines.append(
            f"Lower bounds are {min(map(ratio, partial)):.4f} to {ratio(most):.4f} of the measured "
            f"peak; promised: not above it, {kept}."
        )
    return lines


def main() -> None:
    """Measure everything and print the report, and write it to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="write the report there as well")
    parser.add_argument("networks", nargs="*", help="of the shelf; all if none is named")
    args = parser.parse_args()
    names = args.networks or [row.name for row in ARCHITECTURES]
    text = report(list(rows(names)))
    print(text, end="")
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
