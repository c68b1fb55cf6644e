"""Input sizes as users write them, and the tensors that they stand for."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from archbench.errors import InputRefused
from archbench.networks.argument_tensors import (
    NeedsValues,
    changed,
    dtype_name,
    in_dtype,
    tensor_specs,
)
from archbench.networks.input_function import InputFunction
from archbench.networks.module_tree import modules_of
from archbench.networks.tensor_spec import DTYPES, TensorSpec
from archbench.networks.tensors import tensors_in
from archbench.private_torch import mapped
from archbench.units import Shape, shape_for_machines

InputSize = int | str | Sequence[int] | Sequence[str]
GivenInputs = Tensor | Sequence[Any] | Mapping[str, Any]

LARGEST = 2**56  # elements; torch counts bytes in 63 bits
HOW = "write it as 3x224x224, as 224, or as name:dtype:shape such as ids:int64:128"
ZEROS = range(1)  # the values that an integer input is drawn from where nothing else is known
WHOLE = "!"  # behind a shape that no batch is put in front of


@dataclass(frozen=True, slots=True)
class InputPlan:
    """The tensors of one forward pass, made anew on whichever device it runs on."""

    specs: tuple[TensorSpec, ...]  #: every input, without the batch
    keywords: int  #: how many of the last ones are passed by name
    batch_size: int  #: put in front of every shape
    #: the caller's own arguments of forward(), which replace made ones: by place, and by name
    given: tuple[tuple[Any, ...], dict[str, Any]] | None = None
    channels_last: bool = False  #: whether images are in torch's channels-last format
    seed: int = 0  #: of the values that are drawn
    #: the values that integers and truth values are drawn from, of each input; () is 0 for all
    integers: tuple[range, ...] = ()
    #: the user's function that returned `given`, and returns them for another batch
    function: InputFunction | None = None
    names: tuple[str, ...] = ()  #: of the arguments of forward() that the function returns by place
    float_dtype: str | None = None  #: of floating-point tensors in `given`; None: their own
    #: texts of the inputs of a whole network, if these are of a part of it
    of_network: tuple[str, ...] = ()

    @property
    def takes_batch(self) -> bool:
        """Whether the inputs can be made for another batch."""
        return self.given is None or (self.function is not None and self.function.takes_batch)

    def network_texts(self) -> tuple[str, ...]:
        """Write the sizes that a user asks for: those of the whole network, if this is a part."""
        return self.of_network or self.texts()

    def texts(self) -> tuple[str, ...]:
        """Write the inputs as a user would, dtypes spelled out: "float32:3x224x224"."""
        if self.function is not None:
            return (self.function.name,)
        named = len(self.specs) - self.keywords
        return tuple(
            f"{f'{spec.name}:' if i >= named else ''}{spec.dtype}:{shape_for_machines(spec.shape)}"
            f"{'' if spec.batched else WHOLE}"
            for i, spec in enumerate(self.specs)
        )

    def tensor_texts(self) -> tuple[str, ...]:
        """Write every tensor that the function returned, with the batch; empty without one."""
        if self.function is None:
            return ()
        return tuple(f"{s.name}:{s.dtype}:{shape_for_machines(s.shape)}" for s in self.specs)

    def of_batch(self, batch_size: int) -> "InputPlan":
        """Return the same inputs for another batch.

        Raises:
            InputRefused: the batch is larger than any tensor, or the function that returns the
                inputs takes no batch size.
            UserCodeError: the function raised.
        """
        if batch_size == self.batch_size and self.given is not None:
            return self
        if self.function is not None:
            args, kwargs = self.function.arguments(batch_size)
            specs = tensor_specs(self.names, args, kwargs)
            return replace(self, specs=specs, batch_size=batch_size, given=(args, kwargs))
        for spec in self.specs:
            _refuse_too_large(spec.of_batch(batch_size))
        return replace(self, batch_size=batch_size)

    def in_dtype(self, name: str) -> "InputPlan":
        """Return the same inputs with floating-point tensors in a type: "float16"."""
        specs = tuple(
            replace(spec, dtype=name) if spec.dtype.startswith("float") else spec
            for spec in self.specs
        )
        return replace(self, specs=specs, float_dtype=name)

    def make(self, device: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of forward() on a device: positional ones, and those by name.

        Equal plans make equal values. Floating-point and complex values are drawn from a normal,
        integers and truth values from `integers`. On the meta device there are no values.
        """
        made = self._made(device)
        return mapped(_channels_last, made) if self.channels_last else made

    def _made(self, device: torch.device) -> tuple[tuple[Any, ...], dict[str, Any]]:
        generator = None if device.type == "meta" else torch.Generator(device)
        if generator is not None:
            generator.manual_seed(self.seed)
        if self.given is not None:
            given = self.given
            if self.float_dtype is not None:
                given = in_dtype(given, getattr(torch, self.float_dtype))
            move = partial(_moved, device=device, generator=generator)
            # the caller's own objects are passed on; what the function returned is copied
            args, kwargs = mapped(move, given) if self.function is None else changed(move, given)
            return args, kwargs
        tensors = [
            _tensor(spec.of_batch(self.batch_size), spec.dtype, device, generator, values)
            for spec, values in zip(self.specs, self.integers or repeat(ZEROS), strict=False)
        ]
        positional = len(tensors) - self.keywords
        names = [spec.name for spec in self.specs[positional:]]
        return tuple(tensors[:positional]), dict(zip(names, tensors[positional:], strict=True))


def _tensor(
    shape: Shape,
    dtype_name: str,
    device: torch.device,
    generator: torch.Generator | None,
    values: range = ZEROS,
) -> Tensor:
    dtype: torch.dtype = getattr(torch, dtype_name)
    if generator is None:
        return torch.empty(shape, dtype=dtype, device=device)
    if dtype.is_complex:
        return torch.randn(shape, dtype=dtype, device=device, generator=generator)
    if dtype.is_floating_point:
        return torch.randn(shape, device=device, generator=generator).to(dtype)
    if len(values) == 1:
        return torch.full(shape, values[0], dtype=dtype, device=device)
    return torch.randint(
        values.start, values.stop, shape, dtype=dtype, device=device, generator=generator
    )


def _channels_last(value: Any) -> Any:
    if not isinstance(value, Tensor) or value.dim() != 4:
        return value
    return value.contiguous(memory_format=torch.channels_last)


def _moved(value: Any, device: torch.device, generator: torch.Generator | None) -> Any:
    """Copy a caller's tensor to a device; a meta tensor that must have values is made up."""
    if not isinstance(value, Tensor):
        return value
    if value.is_nested:
        if device.type == "meta":
            raise NeedsValues(
                "the lengths of a nested tensor are values", "the network has to be on a device"
            )
        return value.detach().clone().to(device)
    if device.type == "meta":
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device=device)
    if value.is_meta:
        return _tensor(tuple(value.shape), dtype_name(value.dtype), device, generator)
    return value.detach().clone().to(device)


def plan_inputs(
    module: nn.Module, input_size: InputSize | None, default: Shape | None, batch_size: int
) -> InputPlan:
    """Read an input size.

    Args:
        module: its forward() lends its parameter names to inputs without one.
        input_size: 224, "224", "3x224x224", (3, 224, 224), "name:dtype:shape", or several
            of the latter kinds in a list; without the batch. "edges:int64:2x156!" has none.
        default: the architecture's own size, taken where no size is given.
        batch_size: at least 1.

    Raises:
        InputRefused: a size that is missing, malformed, zero or negative.
    """
    _refuse_batch(batch_size)
    if input_size is None:
        if default is None:
            raise InputRefused(
                "this model needs an input size",
                f"{HOW}; or define archbench_inputs(batch_size) beside the factory",
            )
        input_size = default
    sizes: Sequence[Any] = [input_size] if _is_one(input_size) else list(input_size)  # type: ignore[arg-type]
    names = parameter_names(module)
    specs, keywords = [], 0
    for i, size in enumerate(sizes):
        name, dtype, shape, batched = _read(size, default)
        if name is not None:
            keywords += 1
            _refuse_unknown(name, module, names)
        if name is None and keywords:
            raise InputRefused(f"'{size}' comes after a named input and has no name itself", HOW)
        if dtype is None:
            dtype = _dtype_of(module)
        if name is None:
            name = names[i] if i < len(names) else f"input{i}"
        specs.append(TensorSpec(name, dtype, shape, batched))
        _refuse_too_large(specs[-1].of_batch(batch_size))
    return InputPlan(tuple(specs), keywords, batch_size)


def _refuse_batch(batch_size: int) -> None:
    if batch_size < 1:
        raise InputRefused(f"batch size {batch_size} is not a positive number", "-b 1")


def _refuse_too_large(shape: Shape) -> None:
    if prod(shape) > LARGEST:
        raise InputRefused(
            f"an input of {shape_for_machines(shape)} is larger than any tensor",
            "try a smaller -b or -i",
        )


def plan_function(module: nn.Module, function: InputFunction, batch_size: int) -> InputPlan:
    """Return the inputs that a function of the user's makes for a batch.

    Args:
        module: its forward() lends its parameter names to arguments without one.
        function: is called once; InputFunction.arguments() says what it may return.
        batch_size: at least 1.

    Raises:
        InputRefused: the function takes no batch size, or returned what cannot be an input.
        UserCodeError: it raised.
    """
    _refuse_batch(batch_size)
    names = tuple(parameter_names(module))
    return InputPlan((), 0, batch_size, function=function, names=names).of_batch(batch_size)


def plan_given(
    module: nn.Module, inputs: GivenInputs, kwargs: Mapping[str, Any] | None = None
) -> InputPlan:
    """Describe the caller's own arguments; the batch is the first dimension of the first tensor.

    Args:
        module: its forward() lends its parameter names to arguments without one.
        inputs: a tuple or list of arguments, a dict of them by name, or the one argument, such as a
            tensor or a packed sequence.
        kwargs: more arguments by name.
    """
    named = dict(kwargs or {})
    if isinstance(inputs, Mapping):
        args: tuple[Any, ...] = ()
        named = {**inputs, **named}
    else:
        several = isinstance(inputs, list | tuple) and not isinstance(inputs, PackedSequence)
        args = tuple(inputs) if several else (inputs,)
    names = parameter_names(module)
    arguments = [*args, *named.values()]
    batch = next((value.size(0) for value in arguments if _has_batch(value)), 1)
    specs = tuple(_of_one_sample(spec, batch) for spec in tensor_specs(names, args, named))
    return InputPlan(specs, 0, batch, (args, named))


def _has_batch(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0


def _of_one_sample(spec: TensorSpec, batch: int) -> TensorSpec:
    """Return an argument's own tensor without its batch; one inside a container as it is."""
    inside = "." in spec.name or "[" in spec.name
    if inside or spec.shape[:1] != (batch,):
        return spec
    return replace(spec, shape=spec.shape[1:], batched=True)


def are_tensors(value: Any) -> bool:
    """Tell whether an input size is no size, but the tensors themselves."""
    return next(tensors_in(value), None) is not None


def without_batch(shape: Shape, batch_size: int) -> Shape:
    """Drop dimension 0 where it is the batch."""
    return shape[1:] if shape and shape[0] == batch_size else shape


def _is_one(size: InputSize) -> bool:
    """Return whether this is one size: a number, a text, or a sequence of numbers."""
    return isinstance(size, int | str) or all(isinstance(n, int) for n in size)


def parameter_names(module: nn.Module) -> list[str]:
    """Return the names of forward()'s parameters that take arguments by their place."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _refuse_unknown(name: str, module: nn.Module, names: Sequence[str]) -> None:
    """Refuse an input whose name forward() does not take."""
    parameters = inspect.signature(module.forward).parameters.values()
    if name not in {p.name for p in parameters} and not any(
        p.kind is p.VAR_KEYWORD for p in parameters
    ):
        raise InputRefused(
            f"forward() takes no input named '{name}'", f"it takes {', '.join(names)}"
        )


def _dtype_of(module: nn.Module) -> str:
    """Return the floating-point type that a module computes in: its first parameter's."""
    for part in modules_of(module):
        for parameter in part._parameters.values():
            if parameter is not None and parameter.dtype.is_floating_point:
                return dtype_name(parameter.dtype)
    return "float32"


def _read(size: Any, default: Shape | None) -> tuple[str | None, str | None, Shape, bool]:
    """Read one size into (name or None, dtype or None, shape, whether a batch stands before it)."""
    if isinstance(size, int):
        return None, None, _square(_checked((size,), size), default), True
    if not isinstance(size, str):
        return None, None, _checked(tuple(size), size), True
    batched = not size.rstrip().endswith(WHOLE)
    parts = size.split(":")
    if len(parts) > 3:
        raise InputRefused(f"'{size}' is not an input size", HOW)
    name, dtype = None, None
    if len(parts) == 3:
        name, dtype = parts[0], parts[1]
        if not name.isidentifier():
            raise InputRefused(f"'{name}' in '{size}' is not the name of an argument", HOW)
    elif len(parts) == 2:
        dtype = parts[0]
    if dtype is not None and dtype not in DTYPES:
        raise InputRefused(
            f"'{dtype}' in '{size}' is not a dtype", f"one of {', '.join(sorted(DTYPES))}"
        )
    text = parts[-1].strip().removesuffix(WHOLE).lower().replace("×", "x")
    if not text and len(parts) > 1:
        return name, dtype, (), batched  # one number per sample
    if not re.fullmatch(r"-?[0-9]+(x-?[0-9]+)*", text):
        raise InputRefused(f"'{size}' is not an input size", HOW)
    numbers = tuple(int(number) for number in text.split("x"))
    shape = _checked(numbers, size)
    if len(parts) == 1 and batched:
        shape = _square(shape, default)
    return name, dtype, shape, batched


def _square(shape: Shape, default: Shape | None) -> Shape:
    """Return a single number as a square image, of three channels where nothing else is known."""
    if len(shape) != 1:
        return shape
    channels = default[0] if default is not None and len(default) == 3 else 3
    return (channels, shape[0], shape[0])


def _checked(numbers: Shape, size: Any) -> Shape:
    """Refuse sizes that are not positive."""
    for number in numbers:
        if number < 1:
            raise InputRefused(f"'{size}' is not an input size: {number} is not positive", HOW)
    return numbers
