"""Everything in archbench that leans on private or undocumented parts of torch.

No other file names such a part: tests/test_private_torch.py looks for them. It also takes each part
away and compares the counts. Without its part,

DispatchMode          (`_should_skip_dynamo`) makes torch import its compiler, which takes seconds;
                      `TorchDispatchMode` itself has no substitute: that torch is refused;
refused_higher_order  (torch before 2.9) names what such a torch cannot count around: it is refused;
mapped, leaves        (`_pytree`) walk lists, tuples and dicts only;
takes_tensors         (`_schema`) says that an operation may, so that its name has to decide;
asks_for_shape        (`_schema`) says no: such operations are taken apart, or are unknown;
undispatched          (`_disable_current_modes`) hides nothing: the parts that a nested tensor is
                      taken into, to read its shape, are listed among a network's operations;
operations            (such as `_softmax`) leaves them out: torch computes their shapes, slowly;
fused_attention       (`_scaled_dot_product_flash_attention_for_cpu`) is None: the computed peak of
                      memory takes attention apart, and is that of the larger kernel;
flop_formulas         (`flop_registry`) is empty: what only torch has a rule for is not counted,
                      and is named so; drop_flop_formulas() has nothing to drop;
compiler_is_loaded    (`_dynamo`) says yes: the compiler is asked to stand aside, which loads it;
compilations          (`counters`) is None: times of a compiled network are flagged;
uncompiled            (`_orig_mod`) leaves the wrapper, which runs and counts the same network;
swap_contents         (`_swap_tensor_impl`) leaves tensors without values in the caches of a program
                      that forward() fills, and names them;
conv_backend          (`_select_conv_backend`) is None: the kernel of a convolution is not known;
hold_kernel           (`_sleep`) is None: a GPU's own times include launching, and are flagged as
                      launch bound.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from archbench.errors import ArchbenchError

try:
    # The name of the module is private; torch's documentation describes the class in "Extending
    # PyTorch" and imports it from there.
    from torch.utils._python_dispatch import TorchDispatchMode
except ImportError as missing:
    raise ArchbenchError(
        f"torch {torch.__version__} has no TorchDispatchMode, by which archbench counts",
        "install another torch, such as torch==2.13.0",
    ) from missing

COMPILER = "torch._dynamo"
COMPILER_EXISTS = find_spec(COMPILER) is not None
_NUMBERS = frozenset({"int", "bool", "SymInt", "SymBool", "List[int]", "List[SymInt]"})
ORIGINAL = "_orig_mod"  # where torch.compile's wrapper keeps the network

try:
    pytree: Any = importlib.import_module("torch.utils._pytree")
except ImportError:
    pytree = None


class DispatchMode(TorchDispatchMode):
    """While a subclass is active, its __torch_dispatch__() is handed every operation."""

    supports_higher_order_operators = True  # hand over torch.cond and the like, too

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's has no annotations

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch's own True imports the compiler at the first operation


def refused_higher_order(error: BaseException | None) -> str | None:
    """Name the higher-order operation that torch before 2.9 hands to no dispatch mode; else None.

    Torch says so in the text of its error only.
    """
    said = "There was no rule registered for HOP "
    text = str(error)
    if isinstance(error, NotImplementedError) and text.startswith(said):
        return text.removeprefix(said).split()[0]
    return None


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """Return nested containers with every leaf changed; the containers themselves are new.

    Leaves are whatever is no list, tuple or dict, and no container that was registered with torch.
    The batch sizes of a packed sequence stay as they are: torch wants them on the CPU.
    """
    if isinstance(value, PackedSequence):
        data, sizes, *indices = value
        return type(value)(change(data), sizes, *map(change, indices))
    if pytree is not None:
        return pytree.tree_map(
            lambda leaf: mapped(change, leaf) if isinstance(leaf, PackedSequence) else change(leaf),
            value,
            is_leaf=lambda inner: isinstance(inner, PackedSequence),
        )
    if isinstance(value, Mapping):
        return {key: mapped(change, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [mapped(change, item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return change(value)


def leaves(value: Any) -> Iterator[Any]:
    """Yield the leaves of nested containers, in order."""
    if pytree is not None:
        for leaf in pytree.tree_leaves(value):  # whether a packed sequence is one depends
            yield from leaf if isinstance(leaf, PackedSequence) else (leaf,)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def takes_tensors(operation: Any) -> bool:
    """Tell by an operation's schema whether it takes a tensor; True where it cannot be told."""
    schema = getattr(operation, "_schema", None)
    return schema is None or any("Tensor" in str(one.type) for one in schema.arguments)


def asks_for_shape(operation: Any) -> bool:
    """Tell by an operation's schema whether it returns whole numbers or truth values only.

    A tensor of a subclass is asked so for its shape; False where it cannot be told.
    """
    returns = getattr(getattr(operation, "_schema", None), "returns", ())
    return bool(returns) and all(str(one.type) in _NUMBERS for one in returns)


def undispatched() -> AbstractContextManager[Any]:
    """Return a context in which no dispatch mode is handed any operation."""
    module = sys.modules.get("torch.utils._python_dispatch")
    hide: Any = getattr(module, "_disable_current_modes", nullcontext)
    hidden: AbstractContextManager[Any] = hide()
    return hidden


def operations(*names: str) -> dict[str, Any]:
    """Return those of torch's internal operators, by name, that this torch has."""
    found = {name: getattr(torch.ops.aten, name, None) for name in names}
    return {name: packet.default for name, packet in found.items() if packet is not None}


def fused_attention() -> tuple[Any, Any]:
    """Return the CPU's fused attention and its backward pass; None for one that is not there."""
    forward = "_scaled_dot_product_flash_attention_for_cpu"
    found = operations(forward, f"{forward}_backward")
    return found.get(forward), found.get(f"{forward}_backward")


def flop_formulas() -> Mapping[Any, Callable[..., int]]:
    """Return torch's own FLOP formulas, by operation, custom operations' included."""
    from torch.utils import flop_counter

    formulas: Mapping[Any, Callable[..., int]] = getattr(flop_counter, "flop_registry", {})
    return formulas


def drop_flop_formulas(path: Path) -> dict[Any, Callable[..., int]]:
    """Drop the FLOP formulas that a file registered, and return them, by operation.

    Torch refuses a second formula of an operation, so the file could not run again.
    """
    if "torch.utils.flop_counter" not in sys.modules:
        return {}
    formulas = cast(dict[Any, Callable[..., int]], flop_formulas())
    own = {key: formula for key, formula in formulas.items() if _stands_in(formula, path)}
    for operation in own:
        del formulas[operation]
    return own


def put_flop_formulas_back(dropped: Mapping[Any, Callable[..., int]]) -> None:
    """Register FLOP formulas again that drop_flop_formulas() returned."""
    if dropped:
        cast(dict[Any, Callable[..., int]], flop_formulas()).update(dropped)


def _stands_in(function: Callable[..., Any], path: Path) -> bool:
    """Tell whether a file holds the code of a function."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and Path(code.co_filename).resolve() == path.resolve()


def compiler_is_loaded() -> bool:
    """Tell whether torch.compile may be at work; True where it cannot be told."""
    return COMPILER in sys.modules or not COMPILER_EXISTS


def compilations() -> int | None:
    """Count the graphs that torch.compile has made in this process; None where torch hides it."""
    if not compiler_is_loaded():
        return 0
    counters = getattr(sys.modules.get(f"{COMPILER}.utils"), "counters", None)
    if not isinstance(counters, Mapping):
        return None
    return int(counters.get("stats", {}).get("unique_graphs", 0))


def uncompiled(module: nn.Module) -> nn.Module:
    """Take off torch.compile's wrapper, if the module is one.

    A module of the user may answer for another one's attributes: its own class decides.
    """
    wrapper = getattr(sys.modules.get(f"{COMPILER}.eval_frame"), "OptimizedModule", None)
    if wrapper is None or not issubclass(type(module), wrapper):
        return module
    inner = module._modules.get(ORIGINAL)
    return module if inner is None else inner


def swap_contents(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Exchange what two tensors hold, for all who refer to them; False where torch cannot."""
    swap = getattr(torch._C, "_swap_tensor_impl", None)
    if swap is not None:
        swap(tensor, other)
    return swap is not None


def conv_backend(*args: Any) -> str | None:
    """Ask torch which kernel it would choose for a convolution; None where it does not say."""
    choose = getattr(torch._C, "_select_conv_backend", None)
    return None if choose is None else str(choose(*args).name)


def hold_kernel(cuda: Any) -> Callable[[int], None] | None:
    """Return torch.cuda's kernel that waits for a number of cycles; None where there is none."""
    kernel: Callable[[int], None] | None = getattr(cuda, "_sleep", None)
    return kernel
