"""Read files that pytest-benchmark saved, or `archbench bench --export` wrote."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, TypeGuard

from archbench.errors import ArchbenchError, why_refused
from archbench.gates.saved_runs.records import SavedBenchmark, SavedRun
from archbench.timing.machine.records import Environment

HOW = "`pytest --benchmark-json FILE` writes one"
MOST_S = 1e9  # in seconds, thirty years: what is longer is no time
MACHINE_KEYS = ("node", "system", "machine", "python_implementation", "python_version")


def read_saved(paths: Sequence[Path]) -> list[SavedRun]:
    """Return the runs that files hold.

    Raises:
        ArchbenchError: a file cannot be read, holds no benchmarks, or equals another file: one
            process would count twice.
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
    document = _object(document)
    rows = document.get("benchmarks")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ArchbenchError(f"'{path}' holds no benchmarks of pytest-benchmark", HOW)
    benchmarks: dict[str, SavedBenchmark] = {}
    for row in rows:
        name = row.get("fullname") or row.get("name")
        if not isinstance(name, str) or name in benchmarks:
            raise ArchbenchError(f"a benchmark of '{path}' has no name of its own", HOW)
        noted = _object(_object(row.get("extra_info")).get("archbench"))
        medians_s = _medians_s(_object(row.get("stats")), noted)
        if not medians_s:
            raise ArchbenchError(f"'{name}' of '{path}' has no times", HOW)
        benchmarks[name] = SavedBenchmark(medians_s, _conditions(noted))
    machine = _machine(_object(document.get("machine_info")))
    return SavedRun(str(path), _saved_at(document.get("datetime")), machine, benchmarks)


def _object(value: Any) -> Mapping[str, Any]:
    """Return an object of JSON; an empty one for anything else, as other suites may write."""
    return value if isinstance(value, Mapping) else {}


def _machine(info: Mapping[str, Any]) -> dict[str, str]:
    """Return processor, system and Python; "unknown" where the file does not tell."""
    values = {key: info.get(key) for key in MACHINE_KEYS}
    values["cpu"] = _object(info.get("cpu")).get("brand_raw")
    return {key: str(value or "unknown") for key, value in values.items()}


def _conditions(noted: Mapping[str, Any]) -> dict[str, str]:
    """Return the cell without its code, and the environment, where archbench noted them."""
    conditions = dict(_object(noted.get("cell")))
    conditions.pop("content", None)
    environment = _object(noted.get("environment"))
    if environment:
        with suppress(ValueError):  # another archbench's, or somebody's own
            conditions |= Environment.from_dict(environment).compared()
    return {key.replace("_", " "): str(value) for key, value in conditions.items()}


def _medians_s(stats: Mapping[str, Any], noted: Mapping[str, Any]) -> tuple[float, ...]:
    """Return a median for each process that measured; none where the file has no times.

    pytest-benchmark's file is of one process. `archbench bench --export` notes those of all.
    """
    data = stats.get("data")
    medians = noted.get("medians_s") or [median(data) if _are_times(data) else stats.get("median")]
    return tuple(map(float, medians)) if _are_times(medians) else ()


def _are_times(values: Any) -> TypeGuard[list[float]]:
    return (
        isinstance(values, list)
        and bool(values)
        and all(
            isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < MOST_S
            for value in values
        )
    )


def _saved_at(text: Any) -> datetime | None:
    """Return when a file was saved, in UTC where it names no zone; None where it does not tell."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
