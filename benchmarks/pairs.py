"""What makes two copies of one network equally fast: `make pairs`.

The time gate keeps both processes of a pair on one core and in huge pages, and takes the trimmed
mean of their rounds. Each of these is left out here in turn, and equal networks are compared: what
their ratio differs from 1 by is noise. With both copies in one process there is one core anyway.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import median
from unittest.mock import patch

import torch

from archbench.gates.time import pairing
from archbench.gates.time.one_process import run_in_one_process
from archbench.gates.time.pairing import Sides, run_pair
from archbench.gates.time.pairs import Pair, Side, log_ratios
from archbench.timing.cells import Cell
from archbench.timing.machine.environment import environment
from archbench.timing.sessions import launch
from archbench.timing.sessions.job_runner import job_runner
from benchmarks.progress import tell

SIDES: tuple[Side, Side] = ("base", "head")
NETWORKS = ["resnet20", "resnet18", "resnet34@3x64x64"]  # the last one's time is its weights'


@dataclass(frozen=True)
class Way:
    """How a pair is measured.

    Args:
        one_process: both copies run in one, and take turns call by call.
        huge_pages: all memory comes from one heap of them.
        shared_core: two processes compute on one core.
    """

    one_process: bool
    huge_pages: bool = True
    shared_core: bool = True


WAYS = {
    "two processes, as the gate measures": Way(False),
    "two processes, each on any core": Way(False, shared_core=False),
    "two processes, the heap that glibc gives": Way(False, huge_pages=False),
    "two processes, neither": Way(False, huge_pages=False, shared_core=False),
    "one process, as the gate measures": Way(True),
    "one process, the heap that glibc gives": Way(True, huge_pages=False),
}


def pairs(network: str, number: int) -> dict[str, list[Pair]]:
    """Measure so many pairs in each way, the ways in random turns.

    Args:
        network: its name, and @ and the size of its input where that is not its own.
        number: of pairs.
    """
    rng = random.Random()
    model, _, size = network.partition("@")
    cell = Cell(model, inputs=(f"float32:{size}",) if size else (), threads=1)
    found: dict[str, list[Pair]] = {name: [] for name in WAYS}
    with job_runner(lambda said: None) as runner:
        for i in range(number):
            for name in rng.sample(list(WAYS), len(WAYS)):
                tell(f"{network}, {name}, pair {i + 1} of {number}")
                asked = Pair(model, "screen", i, False, rng.getrandbits(32), rng.choice(SIDES))
                with as_asked(WAYS[name]):
                    if WAYS[name].one_process:
                        pair = run_in_one_process(asked, (cell, cell), runner)
                    else:
                        pair = run_pair(asked, Sides((cell, Path.cwd()), (cell, Path.cwd())))
                if pair.failure is not None:
                    raise RuntimeError(pair.failure.message)
                found[name].append(pair)
    return found


@contextmanager
def as_asked(way: Way) -> Iterator[None]:
    """Leave out what the way does without."""
    with ExitStack() as stack:
        if not way.huge_pages:
            stack.enter_context(patch.object(launch, "HUGE_PAGES", ""))
        if not way.shared_core:
            stack.enter_context(patch.object(pairing, "core_of_both", lambda sides, rng: None))
        yield


def spread(values: Sequence[float]) -> float:
    """Return the root mean square of logarithms of ratios whose truth is 0."""
    return sqrt(sum(x * x for x in values) / len(values))


def row(network: str, way: str, found: Sequence[Pair]) -> str:
    """Write what the pairs of one way say."""
    trimmed = [pair.log_ratio for pair in found]
    medians = [median(log_ratios(zip(p.base, p.head, strict=True))) for p in found]
    largest = max(map(abs, trimmed))
    return (
        f"| {network} | {way} | {len(found)} | {spread(trimmed):.2%} | {largest:.1%} "
        f"| {spread(medians):.2%} |"
    )


def report(rows: Sequence[str], command: str) -> str:
    """Write the rows as a Markdown table under the machine they were measured on."""
    env = environment(torch.device("cpu"))
    lines = [
        "# What makes two copies of one network equally fast",
        "",
        f"Made by `{command}` on {env.processor}, {env.cores} cores, Python {env.python}, torch "
        f"{env.torch}. Pairs of equal networks, measured as `archbench check --time` does, the "
        "ways in random turns. Spread is the root mean square of the logarithm of the ratio, "
        "whose truth is 0; the gate takes the trimmed mean of a pair's rounds.",
        "",
        "| network | way | pairs | spread | largest | spread of medians |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything and print the report, and write it to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="write the report there as well")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="NAME or NAME@SIZE")
    parser.add_argument("--pairs", type=int, default=20, help="of each way")
    args = parser.parse_args()
    rows = [
        row(network, way, found)
        for network in args.networks
        for way, found in pairs(network, args.pairs).items()
    ]
    tell("")
    text = report(rows, "make pairs")
    print(text)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
