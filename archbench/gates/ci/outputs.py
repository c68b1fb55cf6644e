"""What `archbench check` writes for a CI system: a summary, annotations, JUnit's XML."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from archbench.libraries import require
from archbench.shell.atomic_files import atomic_append, atomic_write, write_errors
from archbench.shell.files_in_use import in_use, refuse_source
from archbench.shell.option_groups import is_given
from archbench.shell.options import ResultOptions
from archbench.shell.streams import say

if TYPE_CHECKING:
    from archbench.gates.records import GateResult
    from archbench.gates.saved_runs.records import SavedCheck
    from archbench.gates.structure.records import Check
    from archbench.gates.time.records import TimeGate

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


@dataclass(frozen=True, slots=True)
class CIOptions:
    """What is written for a CI system, besides the report."""

    summary: Summary = None
    annotate: Annotate = False
    junit: JUnit = None


# options that matter to the run that was asked for, and to nobody who repeats it
THIS_RUN = {
    *(field.name for group in (CIOptions, ResultOptions) for field in fields(group)),
    *("record", "max_time", "debug"),
}


@dataclass(frozen=True, slots=True)
class CIOutputs:
    """Where a gate's result goes for a CI system."""

    summary: TextIO | None  #: a file, open behind what it holds, for Markdown
    annotate: bool  #: whether regressions are named as annotations
    junit: TextIO | None  #: a file for JUnit's XML

    def write(self, result: "GateResult[Check | TimeGate | SavedCheck]", command: str) -> None:
        """Write a gate's result to all of them, with the command that shows the same elsewhere."""
        from archbench.gates.ci.annotations import annotations
        from archbench.gates.ci.junit import junit_xml
        from archbench.gates.ci.outcomes import GATES, outcomes_of
        from archbench.gates.ci.pull_request import LIMIT_BYTES, as_pull_request

        found = result.found
        outcomes = outcomes_of(found)
        if self.annotate:
            for line in annotations(outcomes):
                say(line)  # GitHub reads both streams of a step
        if self.summary is not None:
            held = self.summary.tell() if self.summary.seekable() else 0
            text = as_pull_request(result.report, command, result.accept, LIMIT_BYTES - held - 1)
            self.summary.write(f"\n{text}" if held else text)
        if self.junit is not None:
            suite = f"archbench {GATES[type(found)]}"
            self.junit.write(junit_xml(outcomes, suite, found.strict, found.exit_code))


@contextmanager
def ci_outputs(options: CIOptions) -> Iterator[CIOutputs]:
    """Open the files before the work starts, so that none is done in vain.

    Raises:
        OutputRefused: a file cannot be written.
        MissingLibrary: JUnit's XML is wanted, and cannot be written.
    """
    with ExitStack() as stack:
        markdown = None
        if options.summary is not None:
            with write_errors(options.summary):
                refuse_source(options.summary)
                markdown = stack.enter_context(atomic_append(options.summary))
            stack.enter_context(in_use(options.summary))
        xml = None
        if options.junit is not None:
            require("junitparser", "--junit")
            xml = stack.enter_context(atomic_write(options.junit))
        yield CIOutputs(markdown, options.annotate, xml)


def repeat_command(context: typer.Context, meanings: Mapping[str, str]) -> str:
    """Return the command that was given, without the options that only this run needs.

    The values of some options mean something else elsewhere, such as HEAD^1: `meanings` holds what
    they mean here.
    """
    words, named = ["archbench", context.info_name or ""], []
    for option in context.command.params:
        name = option.name or ""
        value = meanings.get(name, context.params[name])
        if not is_given(context, name) or name in THIS_RUN or value in DEFAULT:
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
