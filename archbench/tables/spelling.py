"""A Report in the signs that its stream can carry, before anything is laid out by its width."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from archbench.tables.signs import carried
from archbench.tables.table import Report


def in_encoding(report: Report, encoding: str) -> Report:
    """Spell out every sign of a report's texts that an encoding lacks.

    Its JSON document stays as it is. Signs that are written later, with the numbers (the prefix
    of microseconds, the cross in a shape), have forms of one letter, which change no width.
    """
    spelled: Report = _throughout(report, partial(carried, encoding=encoding))
    return replace(spelled, document=report.document)


def _throughout(value: Any, spell: Callable[[str], str]) -> Any:
    """Rebuild records, tuples and mappings with every text in them spelled."""
    if isinstance(value, StrEnum):
        return value
    if isinstance(value, str):
        return spell(value)
    if isinstance(value, tuple):
        return tuple(_throughout(one, spell) for one in value)
    if isinstance(value, Mapping):
        return {key: _throughout(one, spell) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        return replace(value, **_throughout(own, spell))
    return value
