"""What `archbench init-ci` wrote, and what it left as it was."""

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
    facts = []
    if done.unlocked:
        facts.append(
            (
                "not locked",
                f"{', '.join(done.unlocked)}: `archbench lock --update --reason ...` adds them",
            )
        )
    found = done.dependencies
    if found is not None:
        facts.append(("workflow", f"installs `{done.requirement}`"))
        facts.append(("dependencies", _dependencies(found)))
        facts += [("", note) for note in found.notes]
    return Report(
        title=f"{counted(written, 'file')} written, {len(done.files) - written} as before",
        tables=(Table((Column("path", "file"), Column("state", "state")), rows),),
        document={
            "schema": "archbench.init-ci/1",
            "files": [
                {"path": one.path.as_posix(), "state": one.state, "difference": one.difference}
                for one in done.files
            ],
            "unlocked": list(done.unlocked),
            "requirement": done.requirement or None,
            "dependencies": None
            if found is None
            else {
                "source": found.source or None,
                "unknown": found.unknown or None,
                "notes": list(found.notes),
            },
        },
        facts=tuple(facts),
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


def _dependencies(found: Dependencies) -> str:
    if found.unknown:
        return f"not known ({found.unknown}): add them to the workflow's two Install steps"
    return f"those of {found.source}"
