"""The computed peak of memory beside the measured one, for the whole shelf: `make memory`.

Bytes above what is alive before the call, on the CPU: a forward pass, and a training step with
momentum. A count of bytes does not depend on how busy the machine is; which kernels run, and so
what they take, depends on the processor, on torch and on the number of threads.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from archbench.analyze.memory import estimate_memory
from archbench.measure.environment import environment
from archbench.measure.memory import peak_above
from archbench.models.inputs import InputPlan
from archbench.models.resolve import load, plan_for
from archbench.models.training import DEFAULT_OPTIMIZER, optimizer_for, training_step
from archbench.records.cells import Mode
from archbench.registry import ARCHITECTURES
from archbench.units import scaled

CPU = torch.device("cpu")
BATCHES: dict[Mode, tuple[int, ...]] = {
    "infer": (1, 4),
    "train": (2, 4),  # at 1, batch normalisation refuses to train on some networks
}
PROMISED = 0.1  # the estimate differs from the measured peak by no more
Row = tuple[str, str, int, int, int]  # network, mode, batch, estimate, measured


def measured(
    module: torch.nn.Module, plan: InputPlan, mode: Mode, optimizer: str = DEFAULT_OPTIMIZER
) -> int:
    """Measure a pass, or a step that is not the first: the optimizer's state is there before it."""
    args, kwargs = plan.make(CPU)
    if mode == "infer":
        module.eval()
        with torch.inference_mode():
            return peak_above(lambda: module(*args, **kwargs), CPU)
    module.train()
    steps = optimizer_for(optimizer, module.parameters())

    def step():
        training_step(lambda: module(*args, **kwargs), steps)

    step()
    return peak_above(step, CPU)


def rows(names: list[str]) -> Iterator[Row]:
    """Estimate and measure every network in every mode and batch."""
    for name in names:
        blank = load(name, blank=True)
        module = load(name).module
        for mode, batches in BATCHES.items():
            for batch in batches:
                plan = plan_for(blank, None, batch)
                estimate = estimate_memory(blank, plan, mode).activations_peak_bytes
                yield name, mode, batch, estimate, measured(module, plan, mode)
                print(f"{name}, {mode}, batch {batch}", file=sys.stderr)


def off_by(row: Row) -> float:
    """Return how far the ratio of estimate and measurement is from 1."""
    return abs(row[3] / row[4] - 1)


def report(found: list[Row]) -> str:
    """Write the rows as a Markdown table under the machine they were measured on."""
    env = environment(CPU)
    worst = max(found, key=off_by)
    kept = "kept" if off_by(worst) <= PROMISED else "NOT kept"
    modes = [max((r for r in found if r[1] == mode), key=off_by) for mode in BATCHES]
    return "\n".join(
        [
            "# Peak memory, computed and measured",
            "",
            f"Made by `make memory` on {env.processor}, {env.cores} cores, {env.threads} threads, "
            f"Python {env.python}, torch {env.torch}. Bytes above what is alive before the call, "
            "single precision: a forward pass, and a training step with momentum (gradients "
            "included; weights and the optimizer's state are alive before). Computed on the meta "
            "device; measured from the events of torch's allocator.",
            "",
            "| network | mode | batch | computed | measured | ratio |",
            "| --- | --- | ---: | ---: | ---: | ---: |",
            *(
                f"| {name} | {mode} | {batch} | {scaled(estimate)}B | {scaled(peak)}B "
                f"| {estimate / peak:.4f} |"
                for name, mode, batch, estimate, peak in found
            ),
            "",
            *(
                f"Worst ratio at {mode}: {computed / peak:.4f} ({name}, batch {batch})."
                for name, mode, batch, computed, peak in modes
            ),
            "",
            f"Worst ratio of all: {worst[3] / worst[4]:.4f} ({worst[0]}, {worst[1]}, batch "
            f"{worst[2]}); promised: within {PROMISED:.0%}, {kept}.",
            "",
        ]
    )


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
