"""Turn a MODEL, a string or a module, into something that can be analysed and measured."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from archbench.errors import ArchbenchError
from archbench.networks import user_code
from archbench.networks.construct import build_blank, construct
from archbench.networks.device import check_device
from archbench.networks.input_function import function_for
from archbench.networks.inputs import InputPlan, InputSize, plan_function, plan_inputs
from archbench.networks.names import names_file, parts_of
from archbench.networks.random_state import seeded_generators
from archbench.networks.registry import find
from archbench.networks.registry.records import Architecture
from archbench.units import Shape


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module with the name it goes by, and its row of the registry if it has one."""

    name: str
    module: nn.Module
    architecture: Architecture | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    source: user_code.Source | None = None  #: where the user's factory lies

    @property
    def input_shape(self) -> Shape | None:
        """The network's own input size, without the batch; None for a user's network."""
        if self.architecture is None:
            return None
        return self.architecture.input_shape_with(self.arguments)


def load(
    model: str | nn.Module,
    kwargs: Mapping[str, Any] | None = None,
    blank: bool = False,
    seed: int = 0,
) -> Loaded:
    """Build the network that a MODEL names; the random generators are afterwards as before.

    Args:
        model: a registry name, "file.py:factory", "package.module:factory", "torchvision:NAME",
            "timm:NAME", or a module, which is taken as it is.
        kwargs: arguments of the network or factory.
        blank: build a network of the shelf without weights, for analysis alone.
        seed: of the weights that are drawn.

    Raises:
        ArchbenchError: nothing is called so, or it does not take these arguments.
        UserCodeError: the user's import or factory raised.
    """
    given = dict(kwargs or {})
    if isinstance(model, nn.Module):
        return Loaded(type(model).__name__, model)
    if not isinstance(model, str):
        raise ArchbenchError(
            f"{model!r} is neither a MODEL string nor a torch.nn.Module", 'such as "resnet50"'
        )
    if parts_of(model) is not None:
        with seeded_generators(seed):
            module, source = user_code.load(model, given)
        return Loaded(model, module, arguments=given, source=source)
    if names_file(model):
        raise ArchbenchError(
            f"'{model}' names a file, but nothing in it", f"try '{model}:build' or '{model}:MyNet'"
        )
    architecture = find(model)
    build = build_blank if blank else construct
    with seeded_generators(seed):
        return Loaded(model, build(architecture, given), architecture, given)


def load_on(
    model: str | nn.Module, kwargs: Mapping[str, Any] | None, device: str, blank: bool
) -> Loaded:
    """Return load(), with a user's network on a device; "auto" leaves it where it is.

    Networks of the registry are counted without values, and so need no device.

    Raises:
        DeviceUnavailable: this machine has no such device.
        ArchbenchError, UserCodeError: as load().
    """
    where = check_device(device)
    loaded = load(model, kwargs, blank)
    if loaded.architecture is None and device != "auto":
        loaded.module.to(where)
    return loaded


def plan_for(loaded: Loaded, input_size: InputSize | None, batch_size: int) -> InputPlan:
    """Plan the inputs of a loaded model, from sizes or from a function of the user's.

    Without a size they are made by archbench_inputs(), if that stands beside the model's factory;
    else they have the architecture's own size.

    Raises:
        InputRefused: a size or a function that is missing, malformed, or does not fit.
        UserCodeError: the function raised.
    """
    function = function_for(input_size, loaded.source)
    if function is not None:
        return plan_function(loaded.module, function, batch_size)
    return plan_inputs(loaded.module, input_size, loaded.input_shape, batch_size)


def parse_kwargs(pairs: Sequence[str]) -> dict[str, Any]:
    """Read name=value pairs; a value is a Python literal where it is one, else the text itself.

    Raises:
        ArchbenchError: a pair without a name or an equals sign.

    >>> parse_kwargs(["width=2", "shortcut=B", "dims=(1, 2)", "aux=true"])
    {'width': 2, 'shortcut': 'B', 'dims': (1, 2), 'aux': True}
    """
    kwargs: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise ArchbenchError(f"'{pair}' is not a name=value pair", "--model-kwargs width=2")
        if text in ("true", "false"):
            kwargs[name] = text == "true"
            continue
        try:
            kwargs[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            kwargs[name] = text
    return kwargs
