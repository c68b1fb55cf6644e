"""The Python functions beside the commands: the same names, the same defaults, old names warn."""

import doctest
import warnings
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest
import typer
from torch import nn

import archbench
from archbench.app import app
from archbench.errors import AnalysisIncomplete, ArchbenchError, DeviceUnavailable
from archbench.old_names import OldName, renamed
from archbench.timing.jobs import Job
from tests.repository import ROOT

COMMANDS = {  # the command that each public function stands for; build() has none
    "bench": "bench",
    "build": None,
    "check": "check",
    "compare": "compare",
    "profile": "summary",
    "reproduce": "reproduce",
}
SHOWN = {"format", "output", "debug"}  # how a command shows its result, and its errors
COMMAND_ALONE: Mapping[str, Mapping[str, str]] = {
    "bench": {
        "plot": "a picture of one result",
        "export": "a file of one result",
        "fits": "another measurement, with a result of its own",
    },
    "check": {
        "time": "the time gate, which works on commits",
        "base": "likewise",
        "against": "likewise",
        "setup": "likewise",
        "device": "likewise",
        "precision": "likewise",
        "channels_last": "likewise",
        "threads": "likewise",
        "mode": "likewise",
        "optimizer": "likewise",
        "max_time": "likewise",
        "record": "likewise",
        "pytest_benchmark": "the gate of saved runs, which works on files",
        "summary": "what CI systems read",
        "annotate": "likewise",
        "junit": "likewise",
    },
    "compare": {},
    "profile": {
        "depth": "which rows are shown; the result has them all",
        "layers": "likewise",
        "cross_check": "another count, fvcore's",
    },
    "reproduce": {
        "list": "the tables that there are; they have no verdict",
        "only": "which figures are shown; the result has them all",
        "expectations": "a gate on verdicts, with an exit code",
        "update": "likewise",
    },
}
PYTHON_ALONE: Mapping[str, Mapping[str, str]] = {
    "profile": {
        "inputs": "tensors, which no command line can hold",
        "kwargs": "likewise",
        "isolated": "a command's process ends with it",
    },
}
NAMES = [name for name, command in COMMANDS.items() if command is not None]


def options_of(command: str) -> dict[str, Any]:
    """Each option and argument of a command by its name in Python, with its default."""
    found = typer.main.get_command(app).commands[command].params  # type: ignore[attr-defined]
    return {_name(one): one.default for one in found}


def _name(parameter: Any) -> str:
    """The longest spelling of an option without its dashes; the name of an argument."""
    if parameter.param_type_name == "argument":
        return str(parameter.name)
    return str(max(parameter.opts, key=len)).lstrip("-").replace("-", "_")


def parameters_of(function: str) -> Mapping[str, Parameter]:
    return signature(getattr(archbench, function)).parameters


def agree(option: Any, parameter: Parameter) -> bool:
    """Equal defaults; required in both; a sweep is text on a command line: "1" is 1."""
    default = parameter.default
    if parameter.kind is Parameter.VAR_POSITIONAL:  # compare(*models) needs two, as the command
        default = None
    if default is Parameter.empty:
        default = None
    return option in (default, str(default))


def test_every_public_function_has_its_command() -> None:
    """A new one has to say which."""
    assert list(COMMANDS) == sorted(archbench.__all__)


@pytest.mark.parametrize("function", NAMES)
def test_python_says_what_the_command_says(function: str) -> None:
    """Every option is a parameter of the same name and default, or stands above with its reason."""
    options, parameters = options_of(str(COMMANDS[function])), parameters_of(function)
    alone = COMMAND_ALONE[function].keys() | SHOWN
    assert options.keys() - alone == parameters.keys() - PYTHON_ALONE.get(function, {}).keys()
    assert alone <= options.keys() | SHOWN
    differ = {
        name: (option, parameters[name].default)
        for name, option in options.items()
        if name in parameters and not agree(option, parameters[name])
    }
    assert not differ


def test_old_names_go_on_working_and_warn() -> None:
    """compare(measure=False) is what no_bench=True is, and the warning says both calls."""
    with pytest.warns(DeprecationWarning) as caught:
        old = archbench.compare("resnet20", "plain20", measure=False, max_time_s=3)  # type: ignore[call-arg]
    assert [str(warning.message) for warning in caught] == [
        "compare(max_time_s=3) is compare(max_time=3) now",
        "compare(measure=False) is compare(no_bench=True) now",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    with warnings.catch_warnings(action="error"):
        assert archbench.compare("resnet20", "plain20", no_bench=True, max_time=3) == old


def test_an_old_name_beside_the_new_one_is_refused() -> None:
    """Neither of the two values is dropped in silence."""

    @renamed(OldName("seconds", "time"))
    def wait(time: float = 1.0) -> float:
        return time

    assert wait(2.0) == 2.0
    with pytest.raises(TypeError, match=r"wait\(\) takes time or its old name seconds, not both"):
        wait(time=1.0, seconds=2.0)  # type: ignore[call-arg]
    assert list(signature(wait).parameters) == ["time"]


def test_a_profile_takes_the_options_of_summary(nets: Path) -> None:
    """--aux and -d belong to what archbench builds; a module is built, and is where it is."""
    assert archbench.profile("googlenet", aux=True) == archbench.profile(
        "googlenet", model_kwargs={"aux": True}
    )
    assert archbench.profile("nets.py:Reads", "3x8x8", device="cpu").device == "cpu"
    with pytest.raises(DeviceUnavailable, match="'nowhere' is not a device"):
        archbench.profile("resnet20", device="nowhere")
    for given in ({"aux": True}, {"device": "cpu"}, {"model_kwargs": {"width": 2}}):
        with pytest.raises(ArchbenchError, match="not for a module"):
            archbench.profile(nn.Linear(5, 8), (5,), **given)  # type: ignore[arg-type]


def test_strict_refuses_in_python_too(nets: Path, machine: Callable[[], list[Job]]) -> None:
    """What ends a command with 4 is raised: a count that is a lower bound, an open verdict."""
    both = ["nets.py:build", "nets.py:Secret"]
    found = archbench.bench(both[1], input_size="3x8x8", sessions=1)
    assert found.timings[0].gaps == ("no rule for nets.secret (1x)",)
    with pytest.raises(AnalysisIncomplete, match=r"nets.py:Secret: no rule for nets.secret \(1x\)"):
        archbench.bench(both[1], input_size="3x8x8", sessions=1, strict=True)
    assert archbench.bench(both[0], input_size="3x8x8", sessions=1, strict=True).timings
    with pytest.raises(AnalysisIncomplete, match=r"undecided: macs of nets.py:Secret"):
        archbench.compare(both, input_size="3x8x8", no_bench=True, strict=True)


def test_a_comparison_takes_the_ways_of_the_command(machine: Callable[[], list[Job]]) -> None:
    """Memory order, compiler and optimizer reach the cells that are measured."""
    archbench.compare(
        *("resnet20", "plain20"), channels_last=True, compile=True, optimizer="sgd", sessions=1
    )
    assert {(c.channels_last, c.compiled, c.optimizer) for j in machine() for c in j.cells} == {
        (True, "default", "sgd")
    }
    for given, said in (
        ({"sessions": 0}, "0 is not a number of processes"),
        ({"max_time": 0}, "0 "),
    ):
        with pytest.raises(ArchbenchError, match=said):
            archbench.compare("resnet20", "plain20", **given)  # type: ignore[arg-type]


PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_the_page_has_every_parameter_with_its_default() -> None:
    """One row for each name, one column for each function."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.split("\n") if line.startswith("| `")]
    head = next(line for line in PAGE.split("\n") if line.startswith("| parameter |"))
    functions = head.replace("`", "").strip("| ").split(" | ")[1:]
    assert sorted(functions) == sorted(NAMES)
    shown = {
        (function, row[0].strip("`")): cell
        for row in lines
        if len(row) == len(functions) + 1
        for function, cell in zip(functions, row[1:], strict=True)
        if cell != "-"
    }
    assert shown == {
        (function, name): _cell(parameter)
        for function in functions
        for name, parameter in parameters_of(function).items()
        if name not in PYTHON_ALONE.get(function, {})
    }


def _cell(parameter: Parameter) -> str:
    if parameter.default is Parameter.empty:
        return "required"
    return f"`{parameter.default!r}`".replace("'", '"')


def test_the_examples_of_the_page_are_true() -> None:
    """Its >>> lines."""
    results = doctest.testfile(str(ROOT / "docs" / "python.md"), module_relative=False)
    assert results.attempted >= 6
    assert results.failed == 0
