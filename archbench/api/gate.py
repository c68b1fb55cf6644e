"""Guard the structure of networks: write what they are into a lock, and check them against it."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, suppress
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

from archbench.errors import (
    ArchbenchError,
    NothingMeasured,
    OutputRefused,
    UnknownArchitecture,
    nearest,
)
from archbench.gate.budgets import parse_allowance
from archbench.gate.check import Computed, check_cells
from archbench.gate.configuration import Project, find_project
from archbench.gate.lock_file import NAME, kept, read_lock
from archbench.gate.locking import Locking, next_lock
from archbench.records.gates import Check, GateCell
from archbench.records.locks import LockedCell, Structure
from archbench.records.profiles import CONVENTION_NUMBER
from archbench.registry import ARCHITECTURES, find, select

if TYPE_CHECKING:
    from archbench.models.inputs import InputPlan
    from archbench.models.resolve import Loaded
    from archbench.records.profiles import Profile

Tell = Callable[[float], None]


def check(
    cells: Sequence[str] = (),
    lock: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    allow: Sequence[str] = (),
    strict: bool = False,
) -> Check:
    """Compute the structure of a project's networks again, and compare it with the lock.

    Args:
        cells: names or patterns of declared or locked cells, or MODEL strings; all cells where
            none is named.
        lock: the file; default: archbench.lock.json beside the configuration.
        config: archbench.toml or pyproject.toml; default: the nearest, from here upwards.
        allow: growth that is no regression: "macs:+1%", "params:+1000".
        strict: what cannot be decided counts in `exit_code`.

    Raises:
        ArchbenchError: something asked for is not known, or the lock cannot be read.
    """
    return run_check(Chosen(cells, _path(lock), _path(config)), allow, strict)


def _path(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)


class Chosen:
    """The cells of one command, and where they come from.

    They are the declared ones; where no file declares any, those of the lock.

    Args:
        words: names or patterns of cells, or MODEL strings; none for all cells.
        path: of the lock; default: beside the configuration.
        config: archbench.toml or pyproject.toml; default: the nearest, from here upwards.
        changed: settings that replace those of the named cells.
        options: how the settings were written on the command line, to be told again.

    Raises:
        ArchbenchError: nothing is called so, or a file cannot be read.
    """

    def __init__(
        self,
        words: Sequence[str] = (),
        path: Path | None = None,
        config: Path | None = None,
        changed: Mapping[str, Any] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.words = tuple(words)
        self.project = find_project(Path.cwd(), config)
        own = Path(os.path.relpath(self.project.root / NAME))
        self.path = own if path is None else path
        self.lock = read_lock(self.path)
        elsewhere = [] if path is None else ["-o", str(path)]
        declared = [] if config is None else ["--config", str(config)]
        self.options = (*options, *elsewhere, *declared)
        known = self.project.cells
        if self.project.source is None and self.lock is not None:
            known = tuple(_as_declared(cell) for cell in self.lock.cells)
        self.cells = known
        if self.words:
            held = self.lock.cells if self.lock is not None else ()
            locked = {cell.name: _as_declared(cell) for cell in held}
            named = [cell for word in words for cell in _named(word, known, locked, self.project)]
            self.cells = tuple({c.name: replace(c, **(changed or {})) for c in named}.values())

    def refuse_as_output(self, path: Path | None) -> None:
        """Refuse to write a report over the lock or the configuration.

        Raises:
            OutputRefused: that is where it would go.
        """
        for own in (self.path, self.project.source):
            if path is not None and own is not None and path.resolve() == own.resolve():
                raise OutputRefused(
                    f"'{path}' is what is checked, and a report would replace it",
                    "-o names the report; --lock names the lock",
                )

    def accepting(self, found: Check) -> str:
        """Return the command that accepts what was computed, or say what has to come before."""
        words = found.words_of_the_lock
        names = [
            n for n, word in words.items() if word not in ("ok", "failed") or found.notes.get(n)
        ]
        declared = {cell.name for cell in self.project.cells}
        if self.words and self.project.source is not None:
            strays = [name for name in names if name not in declared]
            if strays:
                return f"declare '{strays[0]}' in {self.project.source.name}, then archbench lock"
        if not names:
            return ""
        # a whole update takes out what is missing, and counts all by one convention
        whole = any(words[name] == "missing" for name in names) or found.other_convention
        if whole and "failed" in words.values():
            return "mend what failed, then archbench lock --update"
        chosen = list(self.words) if not whole else []
        if not chosen and not whole and len(names) <= NAMED:
            chosen = names
        dash = ["--"] if any(word.startswith("-") for word in chosen) else []
        why = ["--update", "--reason", "why it changed"]
        return join(["archbench", "lock", *self.options, *why, *dash, *chosen])


NAMED = 3  # cells that a command names, beyond which it is for all


def run_check(
    chosen: Chosen, allow: Sequence[str], strict: bool, tell: Tell = lambda share: None
) -> Check:
    """Compute the chosen cells and judge them.

    Raises:
        ArchbenchError: there is no lock, or an allowance cannot be read.
    """
    allowances = [parse_allowance(text) for text in allow]
    if chosen.lock is None:
        raise ArchbenchError(
            f"there is no lock '{chosen.path}'",
            "`archbench lock` writes the first one from the cells that are declared, "
            "`archbench lock MODEL` from what is named",
        )
    computed = []
    with chdir(chosen.project.root):
        for i, cell in enumerate(chosen.cells):
            tell(i / len(chosen.cells))
            computed.append(_computed(cell))
    names = {cell.name for cell in chosen.cells}
    held = [cell.name for cell in chosen.lock.cells] if not chosen.words else []
    found = check_cells(
        str(chosen.path),
        chosen.lock,
        CONVENTION_NUMBER,
        computed,
        [name for name in held if name not in names],
        allowances,
        strict,
    )
    return replace(found, accept=chosen.accepting(found))


def run_lock(
    chosen: Chosen, reason: str, update: bool = True, tell: Tell = lambda share: None
) -> Locking:
    """Compute the chosen cells and put them into a lock, which is not written here.

    Raises:
        ArchbenchError, UserCodeError: a cell could not be computed.
        NothingMeasured: there are no cells.
    """
    if not chosen.cells:
        raise NothingMeasured(
            "there are no cells to lock",
            "`archbench lock resnet50`, or [[cells]] with model = ... in archbench.toml",
        )
    cells = []
    with chdir(chosen.project.root):
        for i, cell in enumerate(chosen.cells):
            tell(i / len(chosen.cells))
            try:
                cells.append(locked_cell(cell)[0])
            except ArchbenchError as error:
                if cell.name == cell.model:
                    raise
                raise type(error)(f"cell '{cell.name}': {error.message}", error.hint) from error
    everything = not chosen.words
    return next_lock(chosen.lock, CONVENTION_NUMBER, cells, everything, reason, update)


def locked_cell(cell: GateCell) -> tuple[LockedCell, "Profile"]:
    """Compute the structure of one cell.

    Raises:
        ArchbenchError: nothing is called so, or an input does not fit.
        UserCodeError: the user's import, factory or forward raised.
    """
    from archbench.analyze.profile import profile_loaded
    from archbench.models.resolve import load, plan_for

    _check_arguments(cell)
    with undisturbed():
        loaded = load(cell.model, cell.model_kwargs, blank=True)
        sizes = list(cell.input_size) or None
        plan = plan_for(loaded, sizes, cell.batch_size)
        profile = profile_loaded(loaded, sizes, cell.batch_size)
        locked = LockedCell(
            cell.name,
            cell.model,
            plan.texts(),
            cell.batch_size,
            cell.model_kwargs,
            _structure(loaded, plan, profile),
        )
    return locked, profile


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep what one network's code sets from reaching the next, and give all the same numbers.

    The folder, torch's default type and its random state are as before afterwards. Within, random
    numbers are those of one seed, for networks that read the values of their tensors.
    """
    import torch

    dtype = torch.get_default_dtype()
    folder = Path.cwd()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            os.chdir(folder)


def _computed(cell: GateCell) -> Computed:
    """Compute a cell; what stops that is part of the result."""
    try:
        locked, profile = locked_cell(cell)
    except ArchbenchError as error:
        return Computed(cell.name, cell.budgets, failure=error.message)
    uncounted = tuple(operation.op for operation in profile.uncounted)
    by_values = profile.note if profile.device != "meta" else ""
    return Computed(cell.name, cell.budgets, locked, uncounted=uncounted, by_values=by_values)


def _structure(loaded: "Loaded", plan: "InputPlan", profile: "Profile") -> Structure:
    import torch

    from archbench.analyze.memory import estimate_memory

    weights = peak = None
    with suppress(ArchbenchError):  # what can be counted may still not be followed in memory
        estimate = estimate_memory(loaded, plan, device="meta")
        weights, peak = estimate.weights_bytes, estimate.activations_peak_bytes
    stages = list(dict.fromkeys(layer.path.partition(".")[0] for layer in profile.layers))
    totals = profile.totals
    return Structure(
        totals.params,
        totals.trainable_params,
        totals.buffers,
        totals.macs,
        totals.activations,
        weights,
        peak,
        {operation.op: operation.calls for operation in profile.operations},
        profile.stages,
        tuple(sorted(profile.layers, key=lambda row: stages.index(row.path.partition(".")[0]))),
        torch.__version__.partition("+")[0],
    )


def _check_arguments(cell: GateCell) -> None:
    for name, value in cell.model_kwargs.items():
        try:
            kept(value)
        except (ValueError, SyntaxError) as error:
            raise ArchbenchError(
                f"argument {name}={value!r} of '{cell.name}' cannot be kept in a lock",
                "take finite numbers, texts, lists, tuples and dicts",
            ) from error


def _as_declared(cell: LockedCell) -> GateCell:
    return GateCell(cell.name, cell.model, cell.inputs, cell.batch_size, cell.model_kwargs)


def _named(
    word: str,
    known: Sequence[GateCell],
    locked: Mapping[str, GateCell],
    project: Project,
) -> list[GateCell]:
    """Find what one word stands for: a cell, cells by a pattern, or a MODEL that is new."""
    pattern = any(mark in word for mark in "*?[") and ":" not in word
    cells = [c for c in known if c.name == word or (pattern and fnmatchcase(c.name, word))]
    if cells:
        return cells
    if pattern:
        rows = select(word)
        if not rows:
            raise ArchbenchError(
                f"neither a cell nor an architecture matches '{word}'", _names(known)
            )
        return [GateCell(row.name, row.name) for row in rows]
    model = _from_root(word, project.root)
    if model in locked:
        return [locked[model]]
    if ":" not in model and "/" not in model and not model.endswith(".py"):
        try:
            find(model)
        except UnknownArchitecture as error:
            if not known:
                raise
            near = nearest(word, [*(c.name for c in known), *(r.name for r in ARCHITECTURES)])
            raise UnknownArchitecture(
                f"there is no cell and no architecture named '{word}'", f"{near}{_names(known)}"
            ) from error
    return [GateCell(model, model)]


def _names(known: Sequence[GateCell]) -> str:
    if not known:
        return "`archbench list` names the architectures"
    names = ", ".join(cell.name for cell in known[:8])
    return f"the cells are {names}{' and more' if len(known) > 8 else ''}"


def _from_root(model: str, root: Path) -> str:
    """Write a file of the current folder as it is named from the project's root."""
    place, colon, name = model.rpartition(":")
    if not place.endswith(".py"):
        return model
    return f"{os.path.relpath(place, root)}{colon}{name}"
