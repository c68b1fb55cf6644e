"""The settings that a MODEL carries: arguments of its builder, and ways of running it."""

from ast import literal_eval
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archbench.errors import ArchbenchError, nearest
from archbench.networks.brackets import (
    ARGUMENT,
    WAY_KEYS,
    has_broken_settings,
    items_of,
    split_settings,
)
from archbench.networks.ways import COMPILE_MODES, PRECISIONS, ModelWays, check_words

MOST_THREADS = 1024
WAYS = "input_size, batch_size, precision, channels_last, compile, threads and module"
HOW = "write settings as 'resnet20[shortcut=B,batch_size=8]', in quotes"


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """A MODEL with its settings apart."""

    name: str  #: the MODEL without brackets
    arguments: Mapping[str, Any] = field(default_factory=dict)  #: of its builder
    ways: ModelWays = field(default_factory=ModelWays)  #: how it is run


def settings_of(model: str) -> ModelSettings:
    """Return the name and the settings of a MODEL.

    Raises:
        ArchbenchError: a bracket is not closed, a key is there twice, or a way has a bad value.

    >>> settings_of("net.py:build[width=3, batch=8]").arguments
    {'width': 3}
    """
    refuse_broken_settings(model)
    name, brackets = split_settings(model)
    if not brackets and model.endswith("]"):  # no pattern is built
        raise _no_setting(model[model.rindex("[") + 1 : -1], model)
    if brackets and ":" not in name and any(mark in name for mark in "*?["):
        raise ArchbenchError(
            f"'{model}' has settings, and a pattern takes none", "write one MODEL for each network"
        )
    arguments: dict[str, Any] = {}
    ways: dict[str, Any] = {}
    for item in (items_of(brackets[1:-1]) or []) if brackets else []:
        key, value = _read_item(item.strip(), model)
        found = arguments if key.startswith(ARGUMENT) else ways
        key = key.removeprefix(ARGUMENT)
        if key in found:
            raise ArchbenchError(f"'{model}' sets '{key}' twice", "leave one of the two out")
        found[key] = value
    return ModelSettings(name, arguments, ModelWays(**ways))


def refuse_broken_settings(model: str) -> None:
    """Refuse a MODEL in which settings begin that are not one pair of brackets at its end.

    Raises:
        ArchbenchError: with the pattern to write.
    """
    name, brackets = split_settings(model)
    if brackets and split_settings(name)[1]:
        raise ArchbenchError(f"'{model}' has two pairs of brackets", HOW)
    if has_broken_settings(model):
        raise ArchbenchError(f"the brackets of '{model}' do not close at its end", HOW)
    if model.endswith("]") and "[" not in model:
        raise ArchbenchError(f"the bracket of '{model}' is closed and not opened", HOW)


def nearest_way(model: str) -> str:
    """Guess which way of running a pattern's last bracket means, for the beginning of a hint.

    >>> nearest_way("resnet20[chanels_last]"), nearest_way("resnet[7-9]")
    ("did you mean 'channels_last'? ", '')
    """
    _, opened, inside = model.rpartition("[")
    return nearest(inside.rstrip("]"), WAY_KEYS) if opened else ""


def read_value(text: str) -> Any:
    """Return the value of an argument: a Python literal where the text is one, else the text.

    >>> [read_value(text) for text in ("2", "B", "(1, 2)", "true", "None")]
    [2, 'B', (1, 2), True, None]
    """
    if text in ("true", "false"):
        return text == "true"
    try:
        return literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _read_item(item: str, model: str) -> tuple[str, Any]:
    """Return the key and the value of one setting; the key of an argument begins with "arg."."""
    key, equals, text = (part.strip() for part in item.partition("="))
    way = WAY_KEYS.get(key)
    if way is None:
        argument = key.removeprefix(ARGUMENT)
        if not equals or not argument.isidentifier():
            raise _no_setting(item, model)
        return f"{ARGUMENT}{argument}", read_value(text)
    if not equals and way in ("channels_last", "compile"):
        text = "true"
    read, example = _READERS[way]
    try:
        if text:
            return way, read(text)
        problem = ArchbenchError(f"{key} has no value", example)
    except ArchbenchError as error:
        problem = error
    hint = problem.hint or example
    raise ArchbenchError(
        f"{problem.message}, in '{model}'",
        f"{hint}; {ARGUMENT}{key}= is the builder's own argument '{key}'",
    )


def _no_setting(item: str, model: str) -> ArchbenchError:
    return ArchbenchError(
        f"'{item}' in '{model}' is neither name=value nor a way of running",
        f"{nearest(item, WAY_KEYS)}ways of running are {WAYS}",
    )


def _input_size(text: str) -> tuple[str, ...]:
    """Return a text for each input: of "224", "3x224x224", "(3, 224, 224)" or "[ids:int64:8]"."""
    if text[0] not in "[(":
        return (_unquoted(text),)
    sizes = [_unquoted(size.strip()) for size in items_of(text[1:-1]) or []]
    if not all(sizes):
        raise ArchbenchError(f"'{text}' is not an input size")
    return ("x".join(sizes),) if all(size.isdecimal() for size in sizes) else tuple(sizes)


def _batch_size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArchbenchError(f"batch size '{text}' is not a positive number")
    return int(text)


def _precision(text: str) -> str:
    check_words("precision", [text], PRECISIONS)
    return text


def _channels_last(text: str) -> bool:
    if text not in ("true", "false"):
        raise ArchbenchError(f"channels_last is true or false, not '{text}'")
    return text == "true"


def _compile(text: str) -> str | bool:
    if text == "false":
        return False
    if text != "true":
        check_words("mode of torch.compile", [text], COMPILE_MODES)
    return "default" if text == "true" else text


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise ArchbenchError(f"'{text}' is not a number of threads from 1 to {MOST_THREADS}")
    return int(text)


def _unquoted(text: str) -> str:
    """Return a text without quotes around it."""
    value = read_value(text)
    return value if isinstance(value, str) else text


# how the value of a way is read, and an example of one
_READERS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "input_size": (_input_size, "input_size=3x224x224"),
    "batch_size": (_batch_size, "batch_size=8"),
    "precision": (_precision, "precision=bf16"),
    "channels_last": (_channels_last, "channels_last=true"),
    "compile": (_compile, "compile=max-autotune"),
    "threads": (_threads, "threads=1"),
    "module": (_unquoted, "module=layer1"),
}
