"""Read files that pytest-benchmark saved, or `archbench bench --export` wrote."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from archbench.errors import ArchbenchError, why_refused
from archbench.gates.saved_runs.records import SavedBenchmark, SavedRun
from archbench.timing.machine.records import Environment

HOW = "`pytest --benchmark-json FILE` writes one"
MOST_S = 1e9  # in seconds, thirty years: what is longer is no time
TOLD = ("node", "system", "machine", "python_implementation", "python_version")


def read_saved(paths: Sequence[Path]) -> list[SavedRun]:
    """Read the files of both sides.

    Raises:
        ArchbenchError: one cannot be read, is something else, or holds what another holds: one
            process under two names would make few look like many.
    """
    runs = []
    first: dict[bytes, Path] = {}
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArchbenchError(f"'{path}' cannot be read: {why_refused(error)}", HOW) from error
        runs.append(_run(path, content))
        other = first.setdefault(content, path)
        if other is not path:
            raise ArchbenchError(
                f"'{path}' holds the process of '{other}', which counts once",
                "run pytest once for each file",
            )
    return runs


def _run(path: Path, content: bytes) -> SavedRun:
    try:
        document = json.loads(content.decode("utf-8"))
    except (RecursionError, ValueError) as error:  # endless brackets; not JSON, or not UTF-8
        raise ArchbenchError(f"'{path}' is not JSON", HOW) from error
    rows = document.get("benchmarks") if isinstance(document, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ArchbenchError(f"'{path}' holds no benchmarks of pytest-benchmark", HOW)
    found: dict[str, SavedBenchmark] = {}
    for row in rows:
        name = row.get("fullname") or row.get("name")
        if not isinstance(name, str) or name in found:
            raise ArchbenchError(f"a benchmark of '{path}' has no name of its own", HOW)
        medians = _medians_s(row, f"'{name}' of '{path}'")
        found[name] = SavedBenchmark(medians, _agreed(_archbench(row)))
    machine = _machine(document.get("machine_info"))
    return SavedRun(str(path), _when(document.get("datetime")), machine, found)


def _machine(info: Any) -> dict[str, str]:
    """Return what of the machine has to agree; "unknown" where the file does not tell."""
    info = info if isinstance(info, Mapping) else {}
    cpu = info.get("cpu")
    brand = cpu.get("brand_raw") if isinstance(cpu, Mapping) else None
    return {key: str(info.get(key) or "unknown") for key in TOLD} | {"cpu": str(brand or "unknown")}


def _archbench(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what archbench noted of a benchmark; nothing where another suite made it."""
    extra = row.get("extra_info")
    own = extra.get("archbench") if isinstance(extra, Mapping) else None
    return own if isinstance(own, Mapping) else {}


def _agreed(own: Mapping[str, Any]) -> dict[str, str]:
    """Return what archbench noted of a cell, but for its code, and of its environment."""
    cell, environment = own.get("cell"), own.get("environment")
    agreed = dict(cell) if isinstance(cell, Mapping) else {}
    agreed.pop("content", None)
    if isinstance(environment, Mapping):
        with suppress(AttributeError, TypeError):  # another archbench's, or somebody's own
            agreed |= Environment.from_dict(environment).compared()
    return {key.replace("_", " "): str(value) for key, value in agreed.items()}


def _medians_s(row: Mapping[str, Any], where: str) -> tuple[float, ...]:
    """Return a median for each process that measured.

    pytest-benchmark's file is of one process. `archbench bench --export` notes those of all.
    """
    stats = row.get("stats")
    stats = stats if isinstance(stats, Mapping) else {}
    found = _archbench(row).get("medians_s")
    if not found:
        data = stats.get("data")
        found = [median(data)] if isinstance(data, list) and _are_times(data) else None
        found = found or [stats.get("median")]
    if not _are_times(found):
        raise ArchbenchError(f"{where} has no times", HOW)
    return tuple(float(value) for value in found)


def _are_times(values: Any) -> bool:
    return (
        isinstance(values, list)
        and bool(values)
        and all(
            isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < MOST_S
            for value in values
        )
    )


def _when(text: Any) -> datetime | None:
    """Read when it was saved; where a file leaves the zone out it is UTC."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
