"""Groups of options: a dataclass in a command's signature stands for its fields."""

from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer

from archbench.app import app
from archbench.shell.option_groups import as_command, given_options


@dataclass(frozen=True)
class Size:
    """Two options, one of which has no default."""

    width: Annotated[int, typer.Option("--width")]
    height: Annotated[int, typer.Option("-y", "--height")] = 2


@dataclass(frozen=True)
class Box(Size):
    """A third one behind those of its base class."""

    depth: Annotated[int, typer.Option("--depth")] = 3


def called(argv: list[str]) -> tuple[str, Box, list[str]]:
    """Run a command with an argument, a group and a context, and return what it was given."""
    found: list[tuple[str, Box, list[str]]] = []

    def measure(
        context: typer.Context, name: Annotated[str, typer.Argument()], *, box: Box
    ) -> None:
        """Measure a box."""
        found.append((name, box, given_options(context, Box)))

    one = typer.Typer()
    one.command()(as_command(measure))
    typer.main.get_command(one).main(args=argv, standalone_mode=False)
    return found[0]


@pytest.mark.parametrize(
    ("argv", "box", "given"),
    [
        (["shed", "--width", "5"], Box(5, 2, 3), ["--width"]),
        (["shed", "--width", "5", "-y", "2"], Box(5, 2, 3), ["--width", "--height"]),
        (["--depth", "1", "--width", "4", "shed"], Box(4, 2, 1), ["--width", "--depth"]),
        (["shed", "--width", "5", "--debug"], Box(5, 2, 3), ["--width"]),
    ],
    ids=["defaults", "by its short name", "in any order", "debug"],
)
def test_a_group_is_made_of_its_options(argv: list[str], box: Box, given: list[str]) -> None:
    """Defaults are the fields'; an option counts as given even where it says the default."""
    assert called(argv) == ("shed", box, given)


def test_an_option_without_a_default_is_required() -> None:
    """As Typer has it for a parameter of its own."""
    with pytest.raises(typer.BadParameter.__mro__[1], match="width"):
        called(["shed"])


def test_a_command_keeps_its_name_and_help() -> None:
    """What a command is called and says is the function's."""

    def measure(*, size: Size) -> None:
        """Measure a thing."""

    command = as_command(measure)
    assert (command.__name__, command.__doc__) == ("measure", "Measure a thing.")


def test_every_command_takes_debug_and_no_option_twice() -> None:
    """Two groups of one command never share the name of an option."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        spellings = [word for option in command.params for word in option.opts]
        assert "--debug" in spellings, name
        assert len(spellings) == len(set(spellings)), name


def test_fields_of_a_group_are_those_that_typer_sees() -> None:
    """Those of a base class come first, as in the group itself."""

    def measure(*, box: Box) -> None:
        """Measure a box."""

    names = list(as_command(measure).__annotations__)
    assert names == [*(field.name for field in fields(Box)), "debug"]
