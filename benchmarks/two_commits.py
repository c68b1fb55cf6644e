"""Run a pytest-benchmark suite of a commit and of this tree in turn: `make speed BASE=main`.

Each run is a fresh process and saves a file; `archbench check --pytest-benchmark` then judges them.
"""

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from archbench.gates.time.trees import Trees, trees
from benchmarks.progress import tell

SUITE = ["benchmarks/test_analysis.py", "-k", "test_analyse"]


def saved(tree: Path, suite: Sequence[str], path: Path) -> None:
    """Run the suite of one tree, with that tree's archbench; save its times."""
    saving = ["--benchmark-only", f"--benchmark-json={path}"]
    subprocess.run(
        # without archbench's fixtures: they would be one tree's, or not there yet
        [sys.executable, "-m", "pytest", "-p", "no:archbench", *suite, *saving],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def in_turn(found: Trees, suite: Sequence[str], runs: int, folder: Path) -> None:
    """Save so many runs of each side; which one goes first is drawn anew for each two."""
    rng = random.Random()
    for i in range(runs):
        for side in rng.sample(("base", "head"), 2):
            tell(f"{side}, run {i + 1} of {runs}")
            saved(getattr(found, side), suite, folder / f"{side}-{i}.json")
    tell("")


def main() -> None:
    """Run both sides in turn, and leave their files for `archbench check --pytest-benchmark`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", help="a commit, branch or tag")
    parser.add_argument("folder", type=Path, help="for the files; is created")
    parser.add_argument("--runs", type=int, default=6, help="of each side")
    parser.add_argument("suite", nargs="*", default=SUITE, help="what pytest runs")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    with trees(args.base, Path.cwd()) as found:
        in_turn(found, args.suite, args.runs, args.folder.resolve())


if __name__ == "__main__":
    main()
