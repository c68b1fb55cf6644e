"""Networks and their counts, made once for all the figures and claims that ask for them."""

from typing import Any

from torch import nn

from archbench.analysis.profile import profile_loaded
from archbench.analysis.records import Profile, StageCost
from archbench.analysis.tools.module_uses import Uses, uses_of
from archbench.networks.inputs import InputPlan
from archbench.networks.resolve import Loaded, load, parse_kwargs, plan_for
from archbench.units import Shape


class Networks:
    """The networks of the registry without weights, and the cost of one image in each."""

    def __init__(self) -> None:
        self._loaded: dict[str, tuple[Loaded, InputPlan]] = {}
        self._profiles: dict[str, Profile] = {}
        self._uses: dict[str, Uses] = {}

    def module(self, name: str, **kwargs: Any) -> nn.Module:
        """Build a network of the registry on the meta device."""
        return self._load(name, kwargs)[0].module

    def profile(self, name: str, **kwargs: Any) -> Profile:
        """Count a network of the registry at its own input size."""
        key = _key(name, kwargs)
        if key not in self._profiles:
            self._profiles[key] = profile_loaded(*self._load(name, kwargs))
        return self._profiles[key]

    def uses(self, name: str, **kwargs: Any) -> Uses:
        """Return the module uses of a network of the registry, at its own input size."""
        key = _key(name, kwargs)
        if key not in self._uses:
            loaded, plan = self._load(name, kwargs)
            self._uses[key] = uses_of(loaded.module, plan, self.profile(name, **kwargs))
        return self._uses[key]

    def stage(self, name: str, stage: str, **kwargs: Any) -> StageCost:
        """Return the cost of one stage of a network.

        Raises:
            LookupError: the network has no such stage.
        """
        found = self.profile(name, **kwargs).stage(stage)
        if found is None:
            raise LookupError(f"{name} has no stage '{stage}'")
        return found

    def output_shape(self, name: str, path: str, **kwargs: Any) -> Shape | None:
        """Return the shape that the module at a path gives.

        Raises:
            LookupError: no such module was called.
        """
        for layer in self.profile(name, **kwargs).layers:
            if layer.path == path:
                return layer.output_shape
        raise LookupError(f"{name} calls no module '{path}'")

    def _load(self, name: str, kwargs: dict[str, Any]) -> tuple[Loaded, InputPlan]:
        key = _key(name, kwargs)
        if key not in self._loaded:
            loaded = load(name, kwargs, blank=True)
            self._loaded[key] = loaded, plan_for(loaded, None, batch_size=1)
        return self._loaded[key]


def _key(name: str, kwargs: dict[str, Any]) -> str:
    return f"{name} {sorted(kwargs.items())}"


def built_as(network: str) -> tuple[str, dict[str, Any]]:
    """Split a network into its registry name and arguments.

    >>> built_as("inception-v3 aux=true")
    ('inception-v3', {'aux': True})
    """
    name, *pairs = network.split()
    return name, parse_kwargs(pairs)
