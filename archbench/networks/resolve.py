"""Turn a MODEL, a string or a module, into something that can be analysed and measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from archbench.errors import ArchbenchError, UserCodeError, nearest
from archbench.networks import user_code
from archbench.networks.brackets import WAY_KEYS
from archbench.networks.construct import build_blank, construct
from archbench.networks.device import check_device
from archbench.networks.input_function import function_for
from archbench.networks.inputs import InputPlan, InputSize, plan_function, plan_inputs
from archbench.networks.model_settings import WAYS, read_value, settings_of
from archbench.networks.names import names_file, parts_of
from archbench.networks.part import part_of, plan_for_part
from archbench.networks.random_state import seeded_generators
from archbench.networks.registry import find
from archbench.networks.registry.records import Architecture
from archbench.networks.ways import ModelWays
from archbench.units import Shape


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module with the name it goes by, and its row of the registry if it has one."""

    name: str  #: the MODEL as the user wrote it, or the class of a module
    module: nn.Module
    #: None for a user's own network, and for a part of a network
    architecture: Architecture | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)  #: that the network was built with
    source: user_code.Source | None = None  #: where the user's factory lies
    ways: ModelWays = field(default_factory=ModelWays)  #: how the MODEL itself says that it is run
    whole: "Loaded | None" = None  #: the network that the module is a part of

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
            "timm:NAME", each with its settings as "NAME[key=value]", or a module, which is taken
            as it is.
        kwargs: arguments of the network or factory; those in the MODEL's brackets win.
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
    settings = settings_of(model)
    try:
        network = _build(settings.name, {**given, **settings.arguments}, blank, seed)
    except UserCodeError:
        raise
    except ArchbenchError as error:
        raise _with_ways(error, settings.arguments) from error
    whole = replace(network, name=model, ways=settings.ways)
    path = settings.ways.module
    if path is None:
        return whole
    module = part_of(whole.module, path, settings.name)
    return replace(whole, module=module, architecture=None, whole=whole)


def _build(name: str, arguments: Mapping[str, Any], blank: bool, seed: int) -> Loaded:
    """Build the network that a MODEL without settings names."""
    if parts_of(name) is not None:
        with seeded_generators(seed):
            module, source = user_code.load(name, arguments)
        return Loaded(name, module, arguments=arguments, source=source)
    if names_file(name):
        raise ArchbenchError(
            f"'{name}' names a file, but nothing in it", f"try '{name}:build' or '{name}:MyNet'"
        )
    architecture = find(name)
    build = build_blank if blank else construct
    with seeded_generators(seed):
        return Loaded(name, build(architecture, arguments), architecture, arguments)


def _with_ways(error: ArchbenchError, arguments: Mapping[str, Any]) -> ArchbenchError:
    """Return an error about an argument in brackets with the ways of running in its hint."""
    for key in arguments:
        if f"'{key}'" in error.message:
            near = "" if key in WAY_KEYS else nearest(key, WAY_KEYS)
            return type(error)(error.message, f"{near}{error.hint}; ways of running are {WAYS}")
    return error


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
    whole = loaded.whole or loaded
    if whole.architecture is None and device != "auto":
        whole.module.to(where)
    return loaded


def plan_for(loaded: Loaded, input_size: InputSize | None, batch_size: int) -> InputPlan:
    """Plan the inputs of a loaded model, from sizes or from a function of the user's.

    The size and the batch in the MODEL's brackets win. Without a size the inputs are made by
    archbench_inputs(), if that stands beside the model's factory; else they have the
    architecture's own size. A part of a network gets the inputs that it gets there: the size is
    the network's.

    Raises:
        InputRefused: a size or a function that is missing, malformed, or does not fit.
        UserCodeError: the function raised.
    """
    size = list(loaded.ways.input_size) if loaded.ways.input_size else input_size
    batch = loaded.ways.batch_size or batch_size
    if loaded.whole is not None:
        plan = plan_for(loaded.whole, size, batch)
        return plan_for_part(loaded.whole.module, loaded.module, f"'{loaded.name}'", plan)
    function = function_for(size, loaded.source)
    if function is not None:
        return plan_function(loaded.module, function, batch)
    return plan_inputs(loaded.module, size, loaded.input_shape, batch)


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
        kwargs[name] = read_value(text)
    return kwargs
