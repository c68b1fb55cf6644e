"""What `archbench init-ci` wrote, and what it left as it was."""

from collections.abc import Iterator
from typing import Any

from archbench.ci.dependencies import Dependencies
from archbench.commands.init_ci.records import InitCI
from archbench.tables.table import Column, Report, Table, Tone, Toned
from archbench.units import counted

TONES = {
    "written": Tone.GOOD,
    "added to": Tone.GOOD,
    "unchanged": Tone.QUIET,
    "left as it is": Tone.FAIR,
}


def init_ci_report(done: InitCI) -> Report:
    """Lay out the files, and what would change in those that were left as they are."""
    written = sum(one.grows for one in done.files)
    rows = tuple((one.path.as_posix(), Toned(one.state, TONES[one.state])) for one in done.files)
    return Report(
        title=f"{counted(written, 'file')} written, {len(done.files) - written} as before",
        tables=(Table((Column("path", "file"), Column("state", "state")), rows),),
        document=_document(done),
        facts=tuple(_facts(done)),
        commands=(
            ("gate", "archbench check"),
            ("suite", "pytest benchmarks/test_archbench.py"),
        ),
        listings=tuple(
            (f"{one.path.as_posix()} would change so", one.difference)
            for one in done.files
            if one.difference
        ),
    )


def _document(done: InitCI) -> dict[str, Any]:
    """Return the object that `archbench init-ci -f json` prints."""
    requirement = dependencies = None
    if done.workflow is not None:
        requirement, found = done.workflow.requirement, done.workflow.dependencies
        dependencies = {
            "source": found.source or None,
            "unknown": found.unknown or None,
            "notes": list(found.notes),
        }
    return {
        "schema": "archbench.init-ci/1",
        "files": [
            {"path": one.path.as_posix(), "state": one.state, "difference": one.difference}
            for one in done.files
        ],
        "unlocked": list(done.unlocked),
        "requirement": requirement,
        "dependencies": dependencies,
    }


def _facts(done: InitCI) -> Iterator[tuple[str, str]]:
    if done.unlocked:
        names = ", ".join(done.unlocked)
        yield "not locked", f"{names}: `archbench lock --update --reason ...` adds them"
    if done.workflow is not None:
        found = done.workflow.dependencies
        yield "workflow", f"installs `{done.workflow.requirement}`"
        yield "dependencies", _source(found)
        yield from (("", note) for note in found.notes)


def _source(found: Dependencies) -> str:
    if found.unknown:
        return f"not known ({found.unknown}): add them to the workflow's two Install steps"
    return f"those of {found.source}"
