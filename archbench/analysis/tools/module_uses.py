"""The modules and functions that ran in a network, with the sizes that other tools count by.

Some tools look at modules, others at functions. Uses has both: an entry for each module, with the
elements that went through it, and one for each call of a torch function.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from archbench.analysis.isolation.run import run_isolated
from archbench.analysis.isolation.survivors import Survivors, watched
from archbench.analysis.lazy_parameters import materialise
from archbench.analysis.records import Profile
from archbench.analysis.rules import attention
from archbench.networks.blank_weights import META
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import ByModule, own_device, paths_of
from archbench.networks.tensors import shape_of, tensors_in

CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)


@dataclass(slots=True)
class ModuleUse:
    """One module: its own parameters, and the elements of all of its calls."""

    name: str  #: of its class
    is_torch_class: bool  #: the class is one of torch's, not derived from one
    leaf: bool  #: it holds no other module
    affine: bool | None  #: it normalises, with a learned scale or without one; None elsewhere
    params: int  #: elements of its own parameters
    weights: int  #: those of its parameter `weight`
    biases: int  #: those of its parameter `bias`
    bias_free: int  #: channels of a convolution that has no bias, else 0
    moving: int  #: elements of a running mean and variance
    macs: int  #: of the products that it runs itself
    products: int  #: output elements of those
    calls: int = 0  #: of the module as a module; a direct call of forward() runs no hook
    samples: int = 0  #: first dimension of its results
    positions: int = 0  #: output elements for each output channel
    inputs: int = 0  #: elements of the first tensor among its arguments
    outputs: int = 0  #: elements of the first tensor in its result

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
        """MACs added by counting the whole kernel at every output position."""
        return self.positions * self.weights - self.macs


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """One call of a torch function."""

    name: str  #: "F.relu" for torch.nn.functional's, "mul" for torch's and a tensor's own
    affine: bool | None  #: it normalises, with a scale or without one; None elsewhere
    #: elements of the first tensor among its arguments; for local response normalisation, of the
    #: padded squares that it averages
    inputs: int
    outputs: int  #: elements of the first tensor in its result
    macs: int = 0  #: of fused attention and of convolutions whose padding has a name, else 0


@dataclass(frozen=True, slots=True)
class Uses:
    """The modules and the function calls of one forward pass."""

    modules: tuple[ModuleUse, ...]  #: all, those that never ran too
    functions: tuple[FunctionUse, ...]  #: in the order of calls


def uses_of(model: nn.Module, plan: InputPlan, profile: Profile) -> Uses:
    """Return the modules and functions of one more run, and leave the network as it was.

    `profile` is archbench's count of the same network and inputs.
    """
    own = own_device(paths_of(model))
    if profile.device != "meta" or own == META:
        return _uses_on(META if profile.device == "meta" else own, model, plan, profile)
    try:
        return _uses_on(META, model, plan, profile)
    except Exception:  # its own tensors are on another device, and do not mix with meta tensors
        return _uses_on(own, model, plan, profile)


def _uses_on(device: torch.device, model: nn.Module, plan: InputPlan, profile: Profile) -> Uses:
    model, paths, own = materialise(model, paths_of(model), device, plan)
    costs = {layer.path: layer for layer in profile.layers}
    uses = ByModule[ModuleUse]()
    for module, places in paths.items():
        layers = [costs[path] for path in places if path in costs]
        macs, products = sum(c.macs for c in layers), sum(c.activations for c in layers)
        uses[module] = _module_use(module, macs, products)

    def count_calls(module: nn.Module) -> None:
        module.register_forward_hook(_hook(uses[module]))

    functions = _FunctionRecorder()

    def call(args: tuple[Any, ...], kwargs: dict[str, Any], survivors: Survivors | None) -> None:
        with functions, watched(survivors):
            model(*args, **kwargs)

    run_isolated(paths, plan, device, call, count_calls, own)
    return Uses(tuple(uses.values()), tuple(functions.uses))


def _module_use(module: nn.Module, macs: int, products: int) -> ModuleUse:
    own = {name: p for name, p in module._parameters.items() if p is not None}
    affine = getattr(module, "affine", getattr(module, "elementwise_affine", None))
    moving = [getattr(module, name, None) for name in ("running_mean", "running_var")]
    conv = isinstance(module, CONVOLUTIONS)
    return ModuleUse(
        name=type(module).__name__,
        is_torch_class=type(module).__module__.startswith("torch.nn."),
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
    """Return a forward hook that adds each call to a module's use."""

    def add_call(module: nn.Module, args: Any, out: Any) -> None:
        use.calls += 1
        given, returned = next(tensors_in(args), None), next(tensors_in(out), None)
        if given is not None:
            use.inputs += given.numel()
        if returned is not None and returned.dim():
            use.outputs += returned.numel()
            shape = shape_of(returned)
            use.samples += shape[0]
            channels = shape[1] if len(shape) > 1 else 1
            use.positions += returned.numel() // channels if channels else 0

    return add_call


class _FunctionRecorder(TorchFunctionMode):
    """Records the functions that are called while it is active."""

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
            full_name = f"F.{name}" if getattr(F, name, None) is func else name
            self.uses.append(_function_use(full_name, given, returned, args, kwargs))
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
