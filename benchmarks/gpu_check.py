"""Everything that only a CUDA device can show, as one Markdown table a part: `make gpu-check`.

A part takes minutes; they can be run one by one where a machine is lent for a short while. With
--dry-run no device is needed: workers run in this process on the CPU, and the device's own times
come from a queue that is made up.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch

from archbench.commands.bench.fits.run import fits
from archbench.commands.bench.records import Bench
from archbench.commands.bench.run import bench, run_bench
from archbench.commands.compare.run import compare
from archbench.commands.doctor.run import doctor
from archbench.networks.resolve import load, plan_for
from archbench.timing.jobs import Job
from archbench.timing.machine.environment import environment
from archbench.timing.records import Session, Watched
from archbench.timing.sessions import launch as launching
from archbench.timing.sessions.model_cells import Ways
from archbench.timing.worker.clock import DeviceClock
from archbench.timing.worker.prepare import prepare, run_untimed, timed_call
from archbench.timing.worker.process_setup import Place, configure_process
from archbench.timing.worker.session import measure
from archbench.units import duration, memory, scaled

NETWORKS = (
    "resnet18 resnet34 plain34 resnet50 resnet152 googlenet inception-v3 inception-v4 "
    "inception-resnet-v2 vgg16"
).split()
BATCHES = (1, 8, 32, 128, 256)
GIB = 2**30


class Plan:
    """How much of everything is run: all of it on a device, next to nothing in a dry run."""

    def __init__(self, dry: bool) -> None:
        self.dry = dry
        self.device = "cpu" if dry else "cuda"
        self.networks = ["resnet20", "plain20"] if dry else NETWORKS
        self.batches = [1, 2] if dry else list(BATCHES)
        self.precisions = ["fp32", "bf16"] if dry else ["fp32", "tf32", "bf16", "amp"]
        self.pairs = 2 if dry else 20
        self.limit_bytes = GIB // 128 if dry else 8 * GIB


def tests(plan: Plan) -> str:
    """Run the tests that need a device."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"```\n{done.stdout.strip()[-3000:]}\n```\nExit code {done.returncode}.\n"


def sweep(plan: Plan) -> str:
    """Measure every network at every batch size, as people run them: autocast, channels last."""
    found = bench(
        plan.networks,
        batch_size=plan.batches,
        device=plan.device,
        precision="amp",
        channels_last=True,
        sessions=1,
        max_time=540,
    )
    return cells_table(found)


def ways(plan: Plan) -> str:
    """Measure one network in every precision, memory order and way of running it."""
    name = plan.networks[-1] if plan.dry else "resnet50"
    timings = []
    compiled = (None,) if plan.dry else (None, "default")
    for mode in compiled:
        for channels_last in (False, True):
            for graph in (False,) if mode or plan.dry else (False, True):
                way = Ways(
                    (plan.batches[-1] if plan.dry else 32,),
                    plan.device,
                    plan.precisions,
                    ("infer", "train") if mode is None and not graph else ("infer",),
                    channels_last,
                    mode,
                    graph,
                )
                timings += run_bench([name], None, way, sessions=1).timings
    return cells_table(Bench(tuple(timings), ()))


def agreement(plan: Plan) -> str:
    """Hold our device time and latency against triton's do_bench and torch's Timer."""
    from torch.utils.benchmark import Timer

    lines = ["| network | batch | device time / do_bench | latency / Timer |", "|---|---|---|---|"]
    device = torch.device(plan.device)
    for name in plan.networks[:4]:
        for batch in plan.batches[:3]:
            found = bench(name, batch_size=batch, device=plan.device, sessions=1).timings[0]
            cell = found.cell
            loaded = load(cell.model)
            ready = prepare(loaded, plan_for(loaded, list(cell.inputs), batch), cell, device, 0)
            configure_process(cell)
            with torch.inference_mode():
                run_untimed(ready, cell)
                call = timed_call(ready, cell)
                timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
                theirs = timer.blocked_autorange(min_run_time=1.0).median
                triton_s = None if plan.dry else _do_bench_s(call)
            ours = (found.device_median_s, found.latency_median_s)
            ratios = [
                f"{a / b:.3f}" if a and b else "-"
                for a, b in zip(ours, (triton_s, theirs), strict=True)
            ]
            lines.append(f"| {name} | {batch} | {ratios[0]} | {ratios[1]} |")
    return "\n".join(lines) + "\n"


def _do_bench_s(call: Callable[[], object]) -> float:
    from triton.testing import do_bench

    return float(do_bench(call, return_mode="median")) / 1e3


def equal_pairs(plan: Plan) -> str:
    """Compare one network with itself, many times."""
    name, verdicts = plan.networks[0], []
    for _ in range(plan.pairs):
        found = compare([name, name], device=plan.device, batch_size=8, max_time=25, sessions=5)
        verdicts.append(found.changes[-1])
    differ = sum(change.verdict in ("faster", "slower") for change in verdicts)
    ratios = [change.ratio for change in verdicts if change.ratio is not None]
    return (
        f"{name} against itself, {plan.pairs} times: {differ} called faster or slower; ratios "
        f"{min(ratios):.4f} to {max(ratios):.4f}, median {median(ratios):.4f}.\n"
    )


def peaks(plan: Plan) -> str:
    """Hold the computed peak of memory against the measured one."""
    lines = [
        "| network | mode | batch | computed | measured | ratio |",
        "|---|---|---:|---:|---:|---:|",
    ]
    batch = plan.batches[len(plan.batches) // 2]
    found = bench(
        plan.networks, batch_size=batch, device=plan.device, mode=["infer", "train"], sessions=1
    )
    for timing in found.timings:
        computed, measured_bytes = timing.estimate, timing.peak_memory_bytes
        if computed is None or measured_bytes is None:
            continue
        lines.append(
            f"| {timing.cell.model} | {timing.cell.mode} | {batch} | {memory(computed.peak_bytes)} "
            f"| {memory(measured_bytes)} | {computed.peak_bytes / measured_bytes:.3f} |"
        )
    return "\n".join(lines) + "\n"


def largest(plan: Plan) -> str:
    """Find the largest batch that fits, and meet one that does not."""
    lines = ["| network | mode | computed | largest run | its peak |", "|---|---|---:|---:|---:|"]
    way = Ways(device=plan.device, modes=("infer", "train"))
    for fit in fits(plan.networks[:4], plan.limit_bytes, None, way).fits:
        peak = "-" if fit.found_bytes is None else memory(fit.found_bytes)
        lines.append(
            f"| {fit.cell.model} | {fit.cell.mode} | {fit.predicted_batch} | {fit.found_batch} "
            f"| {peak} |"
        )
    if not plan.dry:
        found = bench(["vgg16", "resnet18"], batch_size=200_000, device="cuda", sessions=1)
        flags = [f"{t.cell.model}: {' '.join(t.flags) or 'measured'}" for t in found.timings]
        lines.append(f"\nAt batch 200,000: {', '.join(flags)}.")
    return "\n".join(lines) + "\n"


def cells_table(found: Bench) -> str:
    """Write cells as Markdown: the three figures, memory, and the share of the product's rate."""
    lines = [
        "| network | batch | how | latency | device | images/s | FLOP/s | peak | flags |",
        "|---|---:|---|---:|---:|---:|---:|---:|---|",
    ]
    for t in found.timings:
        how = f"{t.cell.precision} {'nhwc' if t.cell.channels_last else 'nchw'} {t.cell.mode}"
        how += f" {t.cell.compiled or ''}{' graph' if t.cell.cuda_graph else ''}"
        row = [
            t.cell.model,
            str(t.cell.batch_size),
            how.strip(),
            *("-" if s is None else duration(s) for s in (t.latency_median_s, t.device_median_s)),
            "-" if t.throughput_per_s is None else f"{t.throughput_per_s:,.0f}",
            "-" if t.flops_per_s is None else scaled(t.flops_per_s),
            "-" if t.peak_memory_bytes is None else memory(t.peak_memory_bytes),
            " ".join(t.flags),
        ]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def machine(plan: Plan) -> str:
    """Describe the machine, its noise and its ceilings."""
    found = doctor(plan.device, max_time_s=1 if plan.dry else 30, ceilings=not plan.dry)
    lines = [f"- {name}: {value}" for name, value in found.environment.to_dict().items() if value]
    if found.noise is not None:
        lines.append(f"- noise: {found.noise.to_dict()}")
    if found.ceilings is not None:
        lines.append(f"- ceilings: {found.ceilings.to_dict()}")
    return "\n".join([*lines, *(f"- {text}" for text in found.advice)]) + "\n"


PARTS: dict[str, Callable[[Plan], str]] = {
    "machine": machine,
    "tests": tests,
    "sweep": sweep,
    "ways": ways,
    "agreement": agreement,
    "equal-pairs": equal_pairs,
    "peaks": peaks,
    "largest": largest,
}


class Queue:
    """A device's queue that is made up: each call takes a millisecond, launching half of it."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def mark(self) -> float:
        """Note the queue's time."""
        self.at_s += 1e-3
        return self.at_s

    def between_ns(self, first: float, last: float) -> float:
        """Subtract."""
        return (last - first) * 1e9

    def hold(self, seconds: float) -> None:
        """Do nothing."""


def in_this_process(job: Job, variables: dict[str, str]) -> tuple[Session, str]:
    """Stand in for a fresh process: measure briefly on the CPU, with a made-up queue."""
    cpu = torch.device("cpu")
    job = replace(job, budget_s=0.0, started_s=1.0)
    measured = measure(job, Place(cpu, DeviceClock(cpu), Queue()))
    return launching.session_of(job, measured, Watched(job.started_s, 0.0)), ""


def main() -> None:
    """Run the parts that were asked for, print them, and write them to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="default: all of them")
    parser.add_argument("-o", "--output", type=Path, help="write the report there as well")
    parser.add_argument("--dry-run", action="store_true", help="without a device")
    args = parser.parse_args()
    if args.dry_run:
        launching.launch = in_this_process  # type: ignore[assignment]
    elif not torch.cuda.is_available():
        parser.exit(5, "gpu_check: there is no CUDA device; --dry-run needs none\n")
    plan = Plan(args.dry_run)
    texts = [f"# What a GPU shows\n\n{_made_by(args.parts, plan)}"]
    for name in args.parts or PARTS:
        print(f"{name} ...", file=sys.stderr)
        texts.append(f"## {name}\n\n{PARTS[name](plan)}")
    text = "\n".join(texts)
    print(text)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")


def _made_by(parts: Sequence[str], plan: Plan) -> str:
    where = environment(torch.device(plan.device))
    words = " ".join(["python -m benchmarks.gpu_check", *parts])
    dry = " in a dry run, whose times mean nothing" if plan.dry else ""
    return f"Made by `{words}`{dry} on {where.device_name}, torch {where.torch}.\n"


if __name__ == "__main__":
    main()
