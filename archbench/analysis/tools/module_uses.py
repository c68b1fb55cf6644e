"""What ran in a network besides its products, so that other ways of counting can be followed.

Some tools look at modules, others at functions. Uses has both: an entry for each module, with
what went through it, and one for each call of a torch function.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.overrides import TorchFunctionMode

from archbench.analysis.records import Profile
from archbench.analysis.rules import attention
from archbench.analysis.tensor_swap import own_device, swapped_tensors
from archbench.analysis.trace import materialised, paths_of
from archbench.networks.blank import META
from archbench.networks.inputs import InputPlan
from archbench.networks.tensors import tensors_in

CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)


@dataclass(slots=True)
class ModuleUse:
    """One module: what it owns itself, and what went through it in all of its calls."""

    name: str  #: of its class
    torch_s_own: bool  #: the class is one of torch's, not derived from one
    leaf: bool  #: it holds no other module
    affine: bool | None  #: it normalises, with a learned scale or without one; None elsewhere
    params: int  #: elements of its own parameters
    weights: int  #: those of its parameter `weight`
    biases: int  #: those of its parameter `bias`
    bias_free: int  #: channels of a convolution that has no bias, else 0
    moving: int  #: elements of a running mean and variance
    macs: int  #: of the products that it runs itself
    products: int  #: output elements of those
    calls: int = 0  #: of the module as a module; forward() called straight is not seen from outside
    samples: int = 0  #: first dimension of what it returned
    positions: int = 0  #: output elements for each output channel
    inputs: int = 0  #: elements of the first tensor that it was given
    outputs: int = 0  #: elements of the first tensor that it returned

    @property
    def biased_products(self) -> int:
        """Output elements of products that have a bias added."""
        return self.products if self.biases else 0

    @property
    def bias_per_sample(self) -> int:
        """Its bias, once for each sample."""
        return self.samples * self.biases

    @property
    def params_per_sample(self) -> int:
        """Its weight and bias, once for each sample."""
        return self.samples * (self.weights + self.biases)

    @property
    def macs_beyond_one_row(self) -> int:
        """MACs beyond those of one row for each sample."""
        return self.macs - self.samples * self.weights

    @property
    def spread_macs(self) -> int:
        """What counting the whole kernel at every output position adds to the MACs."""
        return self.positions * self.weights - self.macs


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """One call of a torch function."""

    name: str  #: "F.relu" for torch.nn.functional's, "mul" for torch's and a tensor's own
    affine: bool | None  #: it normalises, with a scale or without one; None elsewhere
    #: elements of the first tensor it was given; of local response normalisation, of the squares
    #: that it averages, which are padded
    inputs: int
    outputs: int  #: elements of the first tensor that it returned
    macs: int = 0  #: of fused attention and of convolutions whose padding has a name, else 0


@dataclass(frozen=True, slots=True)
class Uses:
    """All that ran, and all that was there to run."""

    modules: tuple[ModuleUse, ...]
    functions: tuple[FunctionUse, ...]


def uses_of(model: nn.Module, plan: InputPlan, profile: Profile) -> Uses:
    """Run a network once more and write down every module and function, leaving it as it was.

    Args:
        model: the network.
        plan: its inputs.
        profile: archbench's count of the same network and inputs.
    """
    own = own_device(model.modules())
    if profile.device != "meta" or own == META:
        return _on(META if profile.device == "meta" else own, model, plan, profile)
    try:
        return _on(META, model, plan, profile)
    except Exception:  # it makes tensors of its own on a device, which mix with none of meta's
        return _on(own, model, plan, profile)


def _on(device: torch.device, model: nn.Module, plan: InputPlan, profile: Profile) -> Uses:
    if any(isinstance(module, LazyModuleMixin) for module in model.modules()):
        model = materialised(device, model, plan.make)
    paths = paths_of(model)
    costs = {layer.path: layer for layer in profile.layers}
    uses: dict[nn.Module, ModuleUse] = {}
    for module, places in paths.items():
        layers = [costs[path] for path in places if path in costs]
        macs, products = sum(c.macs for c in layers), sum(c.activations for c in layers)
        uses[module] = _described(module, macs, products)

    def follow(module: nn.Module) -> None:
        module.register_forward_hook(_hook(uses[module]))

    functions = _Functions()
    with swapped_tensors(paths, device == META, follow):
        args, kwargs = plan.make(device)
        with functions:
            model(*args, **kwargs)
    return Uses(tuple(uses.values()), tuple(functions.uses))


def _described(module: nn.Module, macs: int, products: int) -> ModuleUse:
    own = {name: p for name, p in module._parameters.items() if p is not None}
    affine = getattr(module, "affine", getattr(module, "elementwise_affine", None))
    moving = [getattr(module, name, None) for name in ("running_mean", "running_var")]
    conv = isinstance(module, CONVOLUTIONS)
    return ModuleUse(
        name=type(module).__name__,
        torch_s_own=type(module).__module__.startswith("torch.nn."),
        leaf=not any(child is not None for child in module._modules.values()),
        affine=affine if isinstance(affine, bool) else None,
        params=sum(p.numel() for p in own.values()),
        weights=own["weight"].numel() if "weight" in own else 0,
        biases=own["bias"].numel() if "bias" in own else 0,
        bias_free=module.out_channels if conv and "bias" not in own else 0,  # type: ignore[arg-type]  # a number
        moving=sum(tensor.numel() for tensor in moving if isinstance(tensor, Tensor)),
        macs=macs,
        products=products,
    )


def _hook(use: ModuleUse) -> Callable[[nn.Module, Any, Any], None]:
    def note(module: nn.Module, args: Any, out: Any) -> None:
        use.calls += 1
        given, returned = next(tensors_in(args), None), next(tensors_in(out), None)
        if given is not None:
            use.inputs += given.numel()
        if returned is not None and returned.dim():
            use.outputs += returned.numel()
            use.samples += returned.shape[0]
            channels = returned.shape[1] if returned.dim() > 1 else 1
            use.positions += returned.numel() // channels if channels else 0

    return note


class _Functions(TorchFunctionMode):
    """Writes down the functions that are called while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: list[FunctionUse] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        everything = (*args, *kwargs.values())
        given, returned = next(tensors_in(everything), None), next(tensors_in(out), None)
        if given is not None and returned is not None and not name.startswith("__"):
            whose = f"F.{name}" if getattr(F, name, None) is func else name
            self.uses.append(_function_use(whose, given, returned, args, kwargs))
        return out


def _function_use(
    name: str, given: Tensor, out: Tensor, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> FunctionUse:
    inputs, macs, affine = given.numel(), 0, None
    match name:
        case "F.batch_norm" | "F.instance_norm" | "F.group_norm" | "F.layer_norm":
            place = 2 if name in ("F.group_norm", "F.layer_norm") else 3
            affine = _argument(args, kwargs, place, "weight") is not None
        case "F.local_response_norm":
            window = _argument(args, kwargs, 1, "size")
            inputs += (window // 2 + (window - 1) // 2) * inputs // given.shape[1]
        case "F.interpolate":
            name = f"F.interpolate {kwargs.get('mode', 'nearest')}"
        case "F.conv1d" | "F.conv2d" | "F.conv3d":
            if isinstance(_argument(args, kwargs, 4, "padding"), str):
                weight = _argument(args, kwargs, 1, "weight")
                macs = out.numel() * prod(weight.shape[1:])
        case "F.scaled_dot_product_attention":
            names = enumerate(("query", "key", "value"))
            macs = attention([_argument(args, kwargs, i, name) for i, name in names], {}, out).macs
    return FunctionUse(name, affine, inputs, out.numel(), macs)


def _argument(args: tuple[Any, ...], kwargs: Mapping[str, Any], place: int, name: str) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)
