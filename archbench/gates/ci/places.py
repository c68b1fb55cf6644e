"""What `archbench check` leaves for a CI system: a summary, annotations, JUnit's XML."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from archbench.libraries import require
from archbench.shell.appending import appending
from archbench.shell.files_in_use import in_use, refuse_source
from archbench.shell.output import refused, replacing, say

if TYPE_CHECKING:
    from archbench.gates.saved_runs.records import SavedCheck
    from archbench.gates.structure.records import Check
    from archbench.gates.time.records import TimeGate
    from archbench.tables.table import Report

Summary = Annotated[
    Path | None,
    typer.Option(
        "--summary",
        metavar="FILE",
        help="append Markdown to it: $GITHUB_STEP_SUMMARY",
        show_default=False,
    ),
]
Annotate = Annotated[
    bool, typer.Option("--annotate", help="name regressions as GitHub's annotations, on stderr")
]
JUnit = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="write JUnit's XML", show_default=False),
]
DEFAULT = (None, "")  # values that say nothing
HERE_ONLY = "summary annotate junit output form record max_time debug".split()


@dataclass(frozen=True, slots=True)
class Places:
    """Where a gate's result goes besides."""

    summary: TextIO | None  #: a file, open behind what it holds, for Markdown
    annotate: bool  #: whether regressions are named as annotations
    junit: TextIO | None  #: a file for JUnit's XML

    def write(
        self, found: "Check | TimeGate | SavedCheck", report: "Report", again: str, accept: str
    ) -> None:
        """Write all that was asked for.

        Args:
            found: by the gate.
            report: of it.
            again: the command that shows the same elsewhere.
            accept: Markdown that says how to live with it.
        """
        from archbench.gates.ci.annotations import annotations
        from archbench.gates.ci.junit import junit_xml
        from archbench.gates.ci.outcomes import GATES, outcomes_of
        from archbench.gates.ci.pull_request import LIMIT_BYTES, as_pull_request

        outcomes = outcomes_of(found)
        if self.annotate:
            for line in annotations(outcomes):
                say(line)  # GitHub reads both streams of a step
        if self.summary is not None:
            held = self.summary.tell() if self.summary.seekable() else 0
            text = as_pull_request(report, again, accept, LIMIT_BYTES - held - 1)
            self.summary.write(f"\n{text}" if held else text)
        if self.junit is not None:
            suite = f"archbench {GATES[type(found)]}"
            self.junit.write(junit_xml(outcomes, suite, found.strict, found.exit_code))


@contextmanager
def places(summary: Path | None, annotate: bool, junit: Path | None) -> Iterator[Places]:
    """Open them before the work starts, so that none is done in vain.

    Raises:
        OutputRefused: a file cannot be written.
        MissingLibrary: JUnit's XML is wanted, and cannot be written.
    """
    with ExitStack() as stack:
        markdown = None
        if summary is not None:
            with refused(summary):
                refuse_source(summary)
                markdown = stack.enter_context(appending(summary))
            stack.enter_context(in_use(summary))
        if junit is not None:
            require("junitparser", "--junit")
        xml = None if junit is None else stack.enter_context(replacing(junit))
        yield Places(markdown, annotate, xml)


def again(context: typer.Context, **instead: str) -> str:
    """Return the command that was given, without what only this run needs.

    Args:
        context: of the command.
        instead: options whose values mean something else elsewhere, and what was meant: HEAD^1.
    """
    words, named = ["archbench", context.info_name or ""], []
    for option in context.command.params:
        name = option.name or ""
        source = context.get_parameter_source(name)
        value = instead.get(name, context.params[name])
        given = source is not None and source.name == "COMMANDLINE"
        if not given or name in HERE_ONLY or value in DEFAULT:
            continue
        several = isinstance(value, list | tuple)  # some releases of Typer keep a tuple here
        values = [str(one) for one in value] if several else [str(value)]
        if option.param_type_name == "argument":
            named += values
        elif value is True:
            words.append(option.opts[-1])
        else:
            words += [word for one in values for word in (option.opts[-1], one)]
    dash = ["--"] if named and named[0].startswith("-") else []
    return join([*words, *dash, *named])
