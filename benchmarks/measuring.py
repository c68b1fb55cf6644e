"""Can the times be believed? What archbench's own measuring costs and says: `make measuring`.

Four questions: what the tool adds to a call, whether it measures a delay that is known, whether
torch's own Timer sees the same, and how often two equal networks are said to differ.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import log
from pathlib import Path
from statistics import fmean, median, stdev

import torch
from torch.utils.benchmark import Timer

from archbench.commands.compare.changes import time_verdict
from archbench.commands.doctor.noise import noise_of
from archbench.networks.resolve import load, plan_for
from archbench.timing.cells import Cell
from archbench.timing.machine.environment import environment
from archbench.timing.ratios import ratio_to_reference
from archbench.timing.records import Session
from archbench.timing.run_file import RunFile, read_run
from archbench.timing.sessions.job_runner import job_runner
from archbench.timing.sessions.schedule import comparison_jobs
from archbench.timing.worker.clock import DeviceClock
from archbench.timing.worker.prepare import prepare
from archbench.timing.worker.runner import take_turns
from archbench.timing.worker.time_budget import Effort
from benchmarks.progress import tell

CPU = torch.device("cpu")
QUICK = Effort(warm_up_least_s=0.3, warm_up_most_s=1.0, measure_s=1.0)
OVERHEAD = 0.01  # of a call of 50 µs and more
PROCESSES = 5  # of a comparison, as `archbench compare` has them
SESSION_S = 4.0  # its 20 seconds over them
Row = tuple[str, str, str, str]  # what, found, promised, kept


def busy_wait(seconds: float) -> Callable[[], None]:
    """Make a call that takes a known time: it reads the clock until that has passed."""
    now_ns, delay_ns = time.perf_counter_ns, round(seconds * 1e9)

    def wait() -> None:
        end = now_ns() + delay_ns
        while now_ns() < end:
            pass

    return wait


def delays() -> list[Row]:
    """Measure known delays; what is measured above them is the tool's own, and one reading."""
    rows = []
    for seconds in (50e-6, 1e-3, 5e-3, 20e-3):
        rounds = take_turns([busy_wait(seconds)], DeviceClock(CPU), QUICK, seed=0)
        more = median(times[0] for times in rounds.kept) / (seconds * 1e9) - 1
        kept = kept_word(abs(more) <= OVERHEAD)
        rows.append((f"a busy wait of {seconds * 1e3:g} ms", f"{more:+.2%}", "within 1 %", kept))
    return rows


def agreement(comparisons: int) -> Row:
    """Measure one network with archbench's runner and with torch's Timer, in turn."""
    cell = Cell("resnet18")
    loaded = load(cell.model)
    call = prepare(loaded, plan_for(loaded, None, 1), cell, CPU, 0).call
    clock, rng, logs = DeviceClock(CPU), random.Random(0), []
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())

    def ours() -> float:
        rounds = take_turns([call], clock, QUICK, rng.getrandbits(32))
        return median(times[0] for times in rounds.kept) / 1e9

    def theirs() -> float:
        return timer.blocked_autorange(min_run_time=1.0).median

    with torch.inference_mode():
        for number in range(comparisons):
            tell(f"torch's Timer, {number + 1} of {comparisons}")
            found = {}
            for name, measure in rng.sample([("ours", ours), ("theirs", theirs)], 2):
                found[name] = measure()
            logs.append(log(found["ours"] / found["theirs"]))
    mean, error = fmean(logs), stdev(logs) / len(logs) ** 0.5
    what = f"resnet18 against torch.utils.benchmark.Timer, {comparisons} times in turn"
    found_text = f"{mean:+.2%} ± {error:.2%} on average, one differs by {stdev(logs):.2%} (sd)"
    return (what, found_text, "within 2 % on average", kept_word(abs(mean) <= 0.02))


def equal_networks(models: Sequence[str], runs: int, resampled: int, record: Path) -> list[Row]:
    """Compare each network with itself, in as many real runs as asked for, and in drawn ones."""
    rows = []
    for model in models:
        sessions = [s for s in recorded(record) if s.cells[0].model == model]
        for session in more_sessions(model, runs * PROCESSES - len(sessions)):
            RunFile(record, Session).append(session)
            sessions.append(session)
        sessions = sessions[: runs * PROCESSES]
        real = [sessions[i : i + PROCESSES] for i in range(0, len(sessions), PROCESSES)]
        rows.append(coverage(f"{model} against itself, {len(real)} real runs", real))
        rng = random.Random(0)
        drawn = [rng.sample(sessions, PROCESSES) for _ in range(resampled)]
        pool = len(sessions)
        what = f"{model} against itself, {resampled:,} runs drawn from those {pool} processes"
        rows.append(coverage(what, drawn))
        noise = noise_of(sessions)
        if noise is not None:
            text = f"{noise.ratio_sd:.2%} in one process, {noise.level_sd:.1%} between processes"
            rows.append((f"noise of {model} (sd)", text, "", ""))
    return rows


def coverage(what: str, runs: Sequence[Sequence[Session]]) -> Row:
    """Tell how often the 95 % interval of the ratio holds 1, and how often there is a verdict."""
    held = differ = 0
    for run in runs:
        ratio, interval = ratio_to_reference(run, 1)
        held += interval is not None and interval[0] <= 1 <= interval[1]
        differ += time_verdict(ratio, interval) in ("faster", "slower")
    share = held / len(runs)
    text = f"{share:.1%} of intervals hold 1; {differ / len(runs):.1%} are called faster or slower"
    promised = "93 to 97 %" if len(runs) >= 200 else ""
    return (what, text, promised, kept_word(0.93 <= share <= 0.97) if promised else "")


def recorded(record: Path) -> list[Session]:
    """Read what an earlier, interrupted run left, if it was on this machine."""
    if not record.exists():
        return []
    here = environment(CPU).fingerprint
    found = read_run(record, tell)
    return [s for s in found if s.environment is not None and s.environment.fingerprint == here]


def more_sessions(model: str, number: int) -> Iterator[Session]:
    """Measure a network beside itself, in fresh processes."""
    cell = Cell(model)
    with job_runner(lambda text: None) as launch:
        for job in comparison_jobs((cell, cell), (None, None), number):
            tell(f"{model} against itself, process {job.number + 1} of {number}")
            session = launch(replace(job, budget_s=SESSION_S))
            if session.failure is not None:
                raise RuntimeError(session.failure.message)
            yield session


def report(rows: Sequence[Row], command: str) -> str:
    """Write the rows as a Markdown table under the machine they were measured on."""
    env = environment(CPU)
    lines = [
        "# Measuring, measured",
        "",
        f"Made by `{command}` on {env.processor}, {env.cores} cores, {env.threads} threads, Python "
        f"{env.python}, torch {env.torch}. A comparison is that of `archbench compare`: both "
        f"networks in turn in each of {PROCESSES} fresh processes of {SESSION_S:g} s.",
        "",
        "| what | found | promised | kept |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def kept_word(kept: bool) -> str:
    """Say whether a promise was kept."""
    return "yes" if kept else "NO"


def main() -> None:
    """Measure everything and print the report, and write it to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, help="write the report there as well")
    parser.add_argument("--models", nargs="+", default=["resnet20", "resnet18"])
    parser.add_argument("--runs", type=int, default=20, help="real comparisons of equal networks")
    parser.add_argument("--resampled", type=int, default=2000)
    parser.add_argument("--comparisons", type=int, default=20, help="with torch's Timer")
    parser.add_argument("--record", type=Path, default=Path("measuring.jsonl"))
    args = parser.parse_args()
    rows = [
        *delays(),
        agreement(args.comparisons),
        *equal_networks(args.models, args.runs, args.resampled, args.record),
    ]
    tell("")
    text = report(rows, "make measuring")
    print(text)
    if args.output is not None:
        args.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
