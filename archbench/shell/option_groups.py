"""Groups of options: a dataclass in a command's signature stands for its fields."""

from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of an error")]
DEBUG = Parameter("debug", Parameter.KEYWORD_ONLY, default=False, annotation=Debug)


def as_command(function: Callable[..., None]) -> Callable[..., None]:
    """Return a function for Typer, in whose signature every group is spelt out as its options.

    A parameter whose type is a dataclass is a group: it is given an instance, made of the options.
    Every command has --debug too, which shell/ending.py reads.
    """
    groups: dict[str, type] = {}
    options: list[Parameter] = []
    for name, parameter in signature(function).parameters.items():
        group = parameter.annotation
        if isinstance(group, type) and is_dataclass(group):
            groups[name] = group
            options += _options_of(group)
        else:
            options.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    def command(debug: bool, **given: Any) -> None:
        for name, group in groups.items():
            own = {field.name: given.pop(field.name) for field in fields(group)}
            given[name] = group(**own)
        function(**given)

    options.append(DEBUG)
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__annotations__ = {option.name: option.annotation for option in options}
    command.__signature__ = Signature(options)  # type: ignore[attr-defined]  # Typer reads it
    return command


def _options_of(group: type) -> Iterator[Parameter]:
    for field in fields(group):
        default = Parameter.empty if field.default is MISSING else field.default
        kind = Parameter.KEYWORD_ONLY
        yield Parameter(field.name, kind, default=default, annotation=field.type)


def given_options(context: typer.Context, *groups: type) -> list[str]:
    """Return those options of groups that stand on the command line, as `--name`."""
    names = {field.name for group in groups for field in fields(group)}
    return [
        option.opts[-1]
        for option in context.command.params
        if option.name in names and is_given(context, option.name)
    ]


def is_given(context: typer.Context, name: str) -> bool:
    """Tell whether an option or argument stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
