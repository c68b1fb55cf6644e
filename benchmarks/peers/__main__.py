"""Time, memory and count of archbench and its peers, on the same networks in the same run.

Times are taken in one process, in turn; memory in a process per counter and network.
"""

import argparse
import copy
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

import archbench
from archbench.timing.machine.environment import environment
from benchmarks.peers.counters import COUNTERS, Count
from benchmarks.side_by_side import added_kib, in_turn, ratio
from benchmarks.zoo import import_torchvision, torchvision_model

NETWORKS = ["googlenet", "resnet50", "resnet152", "torchvision:densenet201", "torchvision:vit_b_16"]
Result = dict[str, Any]


def network(name: str) -> nn.Module | None:
    """Build a network with weights, on the CPU."""
    if name.startswith("torchvision:"):
        return torchvision_model(name.partition(":")[2], "cpu")
    return archbench.build(name).eval()


def measure(name: str, rounds: int) -> dict[str, Result]:
    """Count one network with every counter, with weights on the CPU and without on meta."""
    if network(name) is None:
        return {}
    results: dict[str, Result] = {counter: {} for counter in COUNTERS}
    for device in ("cpu", "meta"):
        counts, ratios = count_in_turn(name, device, rounds)
        for counter, result in results.items():
            result[f"{device}_count"] = counts[counter]
            result[f"{device}_ratio"] = ratios.get(counter)
    for counter, result in results.items():
        result["added_kib"] = added_memory(counter, name)
    return results


def count_in_turn(
    name: str, device: str, rounds: int
) -> tuple[dict[str, Count | str], dict[str, float]]:
    """Return what every counter gives, or why it fails, and its time against archbench's."""
    model = network(name).to(device)
    x = torch.randn(1, 3, 224, 224, device=device)
    # each has a copy of its own: some leave attributes behind
    copies = {counter: copy.deepcopy(model) for counter in COUNTERS}
    counts: dict[str, Count | str] = {}
    working = {}
    for counter in COUNTERS:
        try:
            counts[counter] = COUNTERS[counter](copies[counter], x)  # the first run imports it
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            counts[counter] = f"{type(error).__name__}: {lines[0]}"
            continue
        working[counter] = lambda c=counter: COUNTERS[c](copies[c], x)
    times = in_turn(working, rounds)
    ratios = {counter: ratio(times, counter, "archbench")[0] for counter in working}
    return counts, ratios


def added_memory(counter: str, name: str) -> float | None:
    """Run one counter in a process of its own; return what it added to the memory, in KiB."""
    argv = [sys.executable, "-m", "benchmarks.peers", "--worker", counter, name]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def work(counter: str, name: str) -> None:
    """Be that process: import the counter on a small network, build the real one, count."""
    tiny = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    COUNTERS[counter](tiny, torch.randn(1, 3, 8, 8))
    model, x = network(name), torch.randn(1, 3, 224, 224)
    print(json.dumps(added_kib(lambda: COUNTERS[counter](model, x))))


def report(results: dict[str, dict[str, Result]]) -> str:
    """Write everything as Markdown, with versions and machine."""
    env = environment(torch.device("cpu"))
    names = ["archbench", "fvcore", "torchinfo", "ptflops", "thop", "torchprofile", "torchvision"]
    versions = ", ".join(f"{name} {installed(name)}" for name in names)
    lines = [
        "# archbench beside its peers",
        "",
        f"Made by `make bench-peers` on {env.processor}, {env.cores} cores, {env.threads} threads, "
        f"Python {env.python}, torch {env.torch}; {versions}.",
        "",
        "Every counter got the same network and one 224 × 224 image, without gradients: once with "
        "weights on the CPU, once without on the meta device, where some cannot run. Time is in "
        "multiples of archbench's on the same device, in turn, median over rounds. Memory is what "
        "counting on the CPU added to a process that held the network. MACs are as each counter "
        "defines them (FlopCounterMode: half its FLOPs); docs/conventions.md says what they hold.",
    ]
    for name, counters in results.items():
        lines += ["", f"## {name}", ""]
        if not counters:
            lines.append("Not measured: torchvision does not fit this torch.")
            continue
        lines += [
            "| counter | time, CPU | time, meta | memory added (MiB) | MACs | params |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
        ]
        for counter, result in counters.items():
            count = result["cpu_count"]
            macs, params = ("-", "-") if isinstance(count, str) else map(whole, count)
            added = result["added_kib"]
            memory = "-" if added is None else f"{added / 1024:.0f}"
            lines.append(
                f"| {counter} | {times(result['cpu_ratio'])} | {times(result['meta_ratio'])} | "
                f"{memory} | {macs} | {params} |"
            )
        for counter, result in counters.items():
            for device in ("cpu", "meta"):
                if isinstance(result[f"{device}_count"], str):
                    lines += ["", f"{counter} on {device}: {result[f'{device}_count']}"]
    return "\n".join(lines) + "\n"


def times(value: float | None) -> str:
    """Write how many times as long as archbench."""
    return "-" if value is None else f"{value:.1f}"


def whole(count: float | None) -> str:
    """Write a count to the last digit."""
    return "-" if count is None else f"{int(count):,}"


def installed(package: str) -> str:
    """Return the version of a package, or say that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def main() -> None:
    """Measure every network, print the report, and write it to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="write the report there as well")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--worker", nargs=2, metavar=("COUNTER", "NETWORK"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    import_torchvision()
    if args.worker:
        work(*args.worker)
        return
    results = {}
    for name in NETWORKS:
        print(f"counting {name} ...", file=sys.stderr)
        results[name] = measure(name, args.rounds)
    text = report(results)
    print(text)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
