"""The gates of a self-test, and their records in its folder."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from archbench.errors import ArchbenchError
from archbench.gates.structure.records import GateCell
from archbench.gates.time.cells import THREADS
from archbench.gates.time.record_file import read_gate
from archbench.gates.time.records import TimeGate
from archbench.gates.time.verdicts import verdicts_of
from archbench.networks.brackets import split_settings
from archbench.timing.sessions.model_cells import Ways


@dataclass(frozen=True, slots=True)
class Trial:
    """One gate whose right answer is known."""

    cell: GateCell  #: the network
    slowdown: float  #: of head, as a share; 0 for equal sides
    number: int  #: among the trials of the same cell and slowdown
    settings: str = ""  #: of the self-test, where they are not the default

    @property
    def head(self) -> str:
        """What head is, for people."""
        return f"{self.slowdown * 100:g} % slower{self.settings and ', '}{self.settings}"

    def file(self, folder: Path) -> Path:
        """Return the file that the gate is recorded in."""
        name = re.sub(r"[^\w.-]+", "_", self.cell.name)
        if split_settings(self.cell.name)[1]:  # names that differ in signs only are told apart
            name += f"-{sha256(self.cell.name.encode()).hexdigest()[:6]}"
        return folder / f"{name}-{self.slowdown * 100:g}-{self.number:03d}.jsonl"


def settings_of(one_process: bool, busy: bool, ways: Ways, input_size: Sequence[str]) -> str:
    """Return the settings that are not the default; they tell two self-tests apart."""
    settings = ["in one process"] if one_process else []
    settings += ["a busy neighbour"] if busy else []
    settings += [f"{ways.threads} threads"] if ways.threads not in (None, THREADS) else []
    return ", ".join([*settings, *input_size])


def recorded_gate(trial: Trial, folder: Path) -> TimeGate | None:
    """Return the gate that is recorded to its end; None where it has to be run.

    Raises:
        ArchbenchError: the folder holds gates of another self-test.
    """
    path = trial.file(folder)
    if not path.is_file():
        return None
    try:
        plan, pairs = read_gate(path, lambda message: None)
    except ArchbenchError:
        return None
    if plan.head != trial.head:
        raise ArchbenchError(
            f"'{folder}' holds gates of another test: head is {plan.head}, not {trial.head}",
            "--record names another folder",
        )
    verdicts, targets = verdicts_of(plan, pairs, ended=False)
    return TimeGate(plan, tuple(pairs), verdicts) if pairs and not targets else None
