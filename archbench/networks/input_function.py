"""A function of the user's that returns the inputs of a network."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from archbench.errors import ArchbenchError, InputRefused, UserCodeError
from archbench.networks.names import names_function, parts_of
from archbench.networks.user_code import ZOOS, Source, a_noun, import_source, user_code

BESIDE_FACTORY = "archbench_inputs"  # the function's name where no -i names one
BATCH = "batch_size"  # the argument by this name is the batch wherever it stands
HOW = "def archbench_inputs(batch_size): return torch.randn(batch_size, 3, 224, 224)"

Arguments = tuple[tuple[Any, ...], dict[str, Any]]  # of forward(), by place and by name


@dataclass(frozen=True, slots=True)
class InputFunction:
    """A function that returns the inputs of a network, for a batch size or for none."""

    name: str  #: "net.py:inputs" or "package.module:inputs"
    call: Callable[..., Any]  #: the function
    batch_name: str | None  #: of the argument that the batch size is passed by; None: by place
    takes_batch: bool  #: False: it takes no argument, and returns the same for every batch
    file: str | None  #: where it is written; None where that is not known

    def arguments(self, batch_size: int) -> Arguments:
        """Return the arguments of forward() for a batch.

        A dict is the arguments by name, a tuple the arguments by place. Anything else, a named
        tuple too, is the one argument.

        Raises:
            InputRefused: it takes no batch size and another batch than 1 is asked for, or it
                returned what cannot be an input.
            UserCodeError: it raised.
        """
        if not self.takes_batch and batch_size != 1:
            raise InputRefused(
                f"'{self.name}' takes no batch size, and the batch is {batch_size}",
                f"leave -b out, or let the function take it: {HOW}",
            )
        found = self._returned(batch_size)
        _refuse(self.name, found)
        if isinstance(found, Mapping):
            return (), _named(self.name, found)
        if isinstance(found, tuple) and not hasattr(found, "_fields"):
            return tuple(found), {}
        return (found,), {}

    def _returned(self, batch_size: int) -> Any:
        with user_code(f"'{self.name}'"):
            if not self.takes_batch:
                return self.call()
            if self.batch_name is None:
                return self.call(batch_size)
            return self.call(**{self.batch_name: batch_size})


def function_for(input_size: Any, source: Source | None) -> InputFunction | None:
    """Return the function that an input size names, or the one beside a model's factory.

    Args:
        input_size: as plan_inputs() takes it; None looks for archbench_inputs().
        source: where the model's factory lies; None where that is not the user's.

    Returns None where the inputs are sizes.

    Raises:
        InputRefused: there is no such function, it stands beside other inputs, or it takes other
            arguments than a batch size.
        UserCodeError: its file raised.
    """
    if input_size is None:
        beside = None if source is None else vars(source.module).get(BESIDE_FACTORY)
        if source is None or beside is None:
            return None
        return _input_function(f"{source.place}:{BESIDE_FACTORY}", beside)
    sizes = [input_size] if isinstance(input_size, str) else input_size
    names = [s for s in sizes if names_function(s)] if isinstance(sizes, Sequence) else []
    if not names:
        return None
    if len(sizes) > 1:
        raise InputRefused(
            f"'{names[0]}' returns all inputs of the network, and is no size beside others",
            f"give -i {names[0]} alone",
        )
    return _input_function(names[0], _found(names[0], source))


def name_beside(model: str) -> str | None:
    """Return the name of archbench_inputs() beside a MODEL's factory; None where there is none.

    Raises:
        ArchbenchError: there is no such file or module.
        UserCodeError: the import raised.
    """
    place, _ = parts_of(model) or ("", "")
    if place in ("", *ZOOS):
        return None
    beside = vars(import_source(place).module).get(BESIDE_FACTORY)
    return None if beside is None else f"{place}:{BESIDE_FACTORY}"


def _found(name: str, source: Source | None) -> Any:
    """Return the object that a function's name stands for; the model's file is not imported again.

    Raises:
        InputRefused: there is no such file, module or name.
        UserCodeError: the import raised.
    """
    place, member = parts_of(name) or ("", "")
    try:
        if source is None or source.place != place:
            source = import_source(place)
        return source.member(member)
    except UserCodeError:
        raise
    except ArchbenchError as error:
        raise InputRefused(
            f"'{name}' is no input size and no function that returns inputs: {error.message}",
            error.hint if "it defines" in error.hint or "did you mean" in error.hint else _BOTH,
        ) from None


_BOTH = "a size is 3x224x224 or name:dtype:shape, a function is path/to/file.py:NAME"


def _input_function(name: str, call: Any) -> InputFunction:
    """Return a function with the way in which it takes the batch size.

    Raises:
        InputRefused: it cannot be called, or it needs other arguments than one.
    """
    if not callable(call) or isinstance(call, nn.Module):
        raise InputRefused(
            f"'{name}' is {a_noun(type(call).__name__)}, not a function that returns inputs", HOW
        )
    file = _file_of(call)
    try:
        parameters = inspect.signature(call).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return InputFunction(name, call, None, True, file)
    named = BATCH in parameters and parameters[BATCH].kind is not inspect.Parameter.POSITIONAL_ONLY
    needed = [p for p in parameters.values() if _is_needed(p)]
    others = [p for p in needed if not named or p.name != BATCH]
    if len(others) > (not named) or any(p.kind is p.KEYWORD_ONLY for p in others):
        raise InputRefused(
            f"'{name}' takes {', '.join(p.name for p in needed)}, "
            "and archbench gives it the batch size alone",
            HOW,
        )
    return InputFunction(name, call, BATCH if named else None, named or bool(others), file)


def _file_of(call: Callable[..., Any]) -> str | None:
    try:
        return inspect.getfile(inspect.unwrap(call))
    except TypeError:  # an object with __call__(), a builtin
        return None


def _is_needed(parameter: inspect.Parameter) -> bool:
    """Tell whether a call must give an argument."""
    several = (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    return parameter.default is parameter.empty and parameter.kind not in several


def _refuse(name: str, found: Any) -> None:
    """Refuse what a function returned and a network cannot take.

    Raises:
        InputRefused: nothing, a network, or what can be read once only.
    """
    if found is None:
        raise InputRefused(f"'{name}' returned None, not the inputs of a network", HOW)
    if isinstance(found, nn.Module):
        raise InputRefused(
            f"'{name}' returned a network, {a_noun(type(found).__name__)}, not its inputs", HOW
        )
    if inspect.iscoroutine(found):
        found.close()  # else Python warns that nobody waited for it
    if isinstance(found, Iterator) or inspect.iscoroutine(found):
        raise InputRefused(
            f"'{name}' returned {a_noun(type(found).__name__)}, which can be read once only",
            "return tensors, or lists, tuples and dicts of them",
        )


def _named(name: str, found: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a dict of arguments by their names.

    Raises:
        InputRefused: a key is no name of an argument.
    """
    for key in found:
        if not isinstance(key, str):
            raise InputRefused(
                f"'{name}' returned a dict with the key {key!r}: its keys are the names of "
                "forward()'s arguments",
                "return (the_dict,) if forward() takes the dict itself",
            )
    return dict(found)
