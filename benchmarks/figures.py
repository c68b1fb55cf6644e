"""The speed figures that archbench promises, each beside its yardstick: `make figures`.

Times are ratios of runs made in turn on the machine at hand; a ratio carries over to another
machine, a time does not.
"""

import argparse
from pathlib import Path
from statistics import median

import torch

from archbench.analysis.profile import profile
from archbench.networks.registry import ARCHITECTURES
from archbench.networks.resolve import load
from archbench.timing.machine.environment import environment
from benchmarks.side_by_side import in_turn, peak_kib, process, ratio
from benchmarks.zoo import densenet201

IMPORT = ["-c", "import torch"]
COMMAND = ["-m", "archbench"]
Row = tuple[str, str, float, float, float, float]  # what, yardstick, ratio, low, high, promised


def whole_processes(rounds: int) -> list[Row]:
    """Time commands against `python -c "import torch"`, processes in turn."""
    commands = {
        "archbench --help": [*COMMAND, "--help"],
        "archbench list": [*COMMAND, "list"],
        "archbench info vgg16": [*COMMAND, "info", "vgg16"],
        "archbench summary resnet152": [*COMMAND, "summary", "resnet152"],
        "archbench summary resnet1202": [*COMMAND, "summary", "resnet1202"],
    }
    promised = dict(zip(commands, (0.25, 0.25, 0.25, 1.2, 1.6), strict=True))
    calls = {name: process(argv) for name, argv in commands.items()}
    calls["import torch"] = process(IMPORT)
    times = in_turn(calls, rounds)
    return [
        (f"`{name}`, time", "`import torch`", *ratio(times, name, "import torch"), promised[name])
        for name in commands
    ]


def memory() -> Row:
    """Hold the peak memory of a summary against that of importing torch."""
    pairs = [peak_kib([*COMMAND, "summary", "resnet152"]) / peak_kib(IMPORT) for _ in range(5)]
    name = "`archbench summary resnet152`, peak memory"
    return (name, "`import torch`", median(pairs), min(pairs), max(pairs), 1.3)


def slowest_of_the_shelf(rounds: int) -> Row:
    """Find the network whose summary takes longest against importing torch."""
    calls = {
        row.name: process([*COMMAND, "summary", row.name])
        for row in ARCHITECTURES
        if row.name != "resnet1202"
    }
    calls["import torch"] = process(IMPORT)
    times = in_turn(calls, rounds)
    worst = max((ratio(times, name, "import torch"), name) for name in calls if " " not in name)
    name = f"slowest summary but resnet1202's ({worst[1]}), time"
    return (name, "`import torch`", *worst[0], 1.6)


def inside_a_process(rounds: int) -> list[Row]:
    """Time analysis against one bare meta-device forward pass of the same module."""
    networks = {"resnet152": load("resnet152", blank=True).module, "densenet201": densenet201()}
    rows = []
    x = torch.empty(1, 3, 224, 224, device="meta")
    for name, module in networks.items():
        if module is None:
            continue
        module.eval()

        @torch.no_grad()
        def bare(module=module):
            module(x)

        bare()
        calls = {"ours": lambda module=module: profile(module, (3, 224, 224)), "bare": bare}
        times = in_turn(calls, rounds)
        where = "one bare meta forward"
        rows.append((f"analysis of {name}", where, *ratio(times, "ours", "bare"), 0.2))
    return rows


def whole_shelf(rounds: int) -> Row:
    """Time building and profiling every network against bare meta forwards of all of them."""
    networks = [load(row.name, blank=True).module.eval() for row in ARCHITECTURES]
    inputs = [torch.empty(1, *row.input_shape, device="meta") for row in ARCHITECTURES]

    @torch.no_grad()
    def bare():
        for module, x in zip(networks, inputs, strict=True):
            module(x)

    def ours():
        for row in ARCHITECTURES:
            profile(row.name)

    times = in_turn({"ours": ours, "bare": bare}, rounds)
    what = f"building and analysis of all {len(ARCHITECTURES)} networks"
    return (what, "their bare meta forwards", *ratio(times, "ours", "bare"), 0.6)


def growth(rounds: int) -> Row:
    """Time resnet1202 against resnet110, which has an eleventh of its blocks."""
    modules = {name: load(name, blank=True).module for name in ("resnet110", "resnet1202")}
    calls = {
        name: lambda module=module: profile(module, (3, 32, 32)) for name, module in modules.items()
    }
    times = in_turn(calls, rounds)
    what = "analysis of resnet1202"
    return (what, "analysis of resnet110", *ratio(times, "resnet1202", "resnet110"), 13.0)


def report(rows: list[Row]) -> str:
    """Write the rows as a Markdown table under the machine they were measured on."""
    env = environment(torch.device("cpu"))
    lines = [
        "# Speed, as ratios",
        "",
        f"Made by `make figures` on {env.processor}, {env.cores} cores, {env.threads} threads, "
        f"Python {env.python}, torch {env.torch}. Both sides of a ratio ran in turn; the ratio is "
        "the median over rounds, in brackets the lowest and highest round.",
        "",
        "| what | against | ratio | range | promised at most | kept |",
        "| --- | --- | ---: | --- | ---: | --- |",
    ]
    for what, against, middle, low, high, promised in rows:
        kept = "yes" if middle <= promised else "NO"
        span = f"{low:.3f} to {high:.3f}"
        lines.append(f"| {what} | {against} | {middle:.3f} | {span} | {promised} | {kept} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything and print the report, and write it to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="write the report there as well")
    parser.add_argument("--rounds", type=int, default=11, help="per figure; fewer for the shelf")
    args = parser.parse_args()
    rows = [
        *whole_processes(args.rounds),
        memory(),
        slowest_of_the_shelf(max(3, args.rounds // 3)),
        *inside_a_process(3 * args.rounds),
        whole_shelf(args.rounds),
        growth(args.rounds),
    ]
    text = report(rows)
    print(text)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
