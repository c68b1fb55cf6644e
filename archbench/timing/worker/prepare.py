"""Make the call that is timed: a network on its device, in its precision, with its inputs."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import Any

import torch
from torch import Tensor, nn

from archbench.errors import ArchbenchError, OutOfMemory, UserCodeError
from archbench.networks.inputs import InputPlan
from archbench.networks.precision import HALF
from archbench.networks.resolve import Loaded
from archbench.networks.tensors import bytes_of, tensors_in
from archbench.networks.training import optimizer_for, training_step
from archbench.networks.user_code import describe
from archbench.private_torch import mapped
from archbench.timing.cells import Cell
from archbench.timing.records import Flag
from archbench.timing.worker import compiler, graphs
from archbench.timing.worker.activations import activation_flags
from archbench.timing.worker.settle import settle_statistics

COLD_FACTOR = 5  # inputs together are so many times the cache: none of them is still in it

OUT_OF_MEMORY = (  # what libraries say that have no class for it
    "can't allocate memory",
    "std::bad_alloc",
    "could not create a memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "Unable to find a valid cuDNN algorithm",
)
FEW = 8  # samples that statistics are settled by, and that are looked at: no more memory than that

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that is ready to be timed."""

    call: Call  #: one forward pass, or one step of training
    module: nn.Module  #: what runs in it, as it was written
    compiled: bool  #: whether the first call compiles
    #: of weights, buffers, gradients, inputs and the optimizer's state, between two calls
    alive_bytes: Callable[[], int]
    flags: tuple[Flag, ...]  #: what the activations of a first pass showed


def prepare(
    loaded: Loaded, plan: InputPlan, cell: Cell, device: torch.device, cache_bytes: int
) -> Prepared:
    """Bring a loaded model into the state that its cell asks for, having tried it once.

    Args:
        loaded: a model with weights; it is moved and converted.
        plan: its inputs.
        cell: how to run it.
        device: where.
        cache_bytes: of the device's last cache, which cold inputs overflow.

    Raises:
        OutOfMemory: there is not enough for it.
        UserCodeError: a forward() raised.
        ArchbenchError: the model runs, but not compiled or not as a graph.
    """
    with failures(cell, UserCodeError, f"forward of {loaded.name} failed on {device}"):
        few = replace(plan, batch_size=min(max(2, plan.batch_size), FEW))
        module = _placed(loaded.module, cell, device)
        settle_statistics(module, few, device)
        if cell.precision in HALF:
            module = module.to(HALF[cell.precision])
        module.train(cell.mode == "train")
        with autocast(cell, device):
            flags = activation_flags(module, *_inputs(few, cell, device, 0)[0])
        inputs = _inputs(plan, cell, device, cache_bytes)
    optimizer = None
    if cell.mode == "train":
        optimizer = optimizer_for(cell.optimizer, module.parameters())
    runs = module if cell.compiled is None else compiler.compiled(module, cell.compiled)
    call = _forward(runs, inputs, cell, device)
    if optimizer is not None:
        for group in optimizer.param_groups:
            if cell.cuda_graph and "capturable" in group:  # adam counts its steps on the host
                group["capturable"] = True
        call = _step(call, optimizer)

    def alive_bytes() -> int:
        state = [] if optimizer is None else list(optimizer.state.values())
        gradients = [parameter.grad for parameter in module.parameters()]
        kept = tensors_in([*module.parameters(), *module.buffers(), gradients, state])
        given = tensors_in(inputs[0])
        return bytes_of(kept) + sum(t.numel() * t.element_size() for t in given)

    return Prepared(call, module, cell.compiled is not None, alive_bytes, flags)


def run_untimed(prepared: Prepared, cell: Cell) -> None:
    """Run the call where it may compile, and takes for the first time what later calls find.

    Raises:
        OutOfMemory: there is not enough for it.
        UserCodeError: it raised.
        ArchbenchError: it raised in the compiler.
    """
    kind: type[ArchbenchError] = UserCodeError
    doing = f"running {cell.model} failed"
    if cell.compiled is not None:
        kind, doing = ArchbenchError, f"{cell.model} runs, but torch.compile of it failed"
    with failures(cell, kind, doing), warnings.catch_warnings():
        if cell.cuda_graph:  # an optimizer that will be captured says that it is not yet
            warnings.filterwarnings("ignore", message=".*capturable.*")
        prepared.call()


def timed_call(prepared: Prepared, cell: Cell) -> Call:
    """Return what is timed: the call, or the graph that it is captured in.

    Raises:
        ArchbenchError: it cannot be captured.
    """
    if not cell.cuda_graph:
        return prepared.call
    with failures(cell, ArchbenchError, f"{cell.model} runs, but not as a CUDA graph"):
        return graphs.captured(prepared.call, torch.cuda)


def autocast(cell: Cell, device: torch.device) -> AbstractContextManager[Any]:
    """Return what `--precision amp` computes under: bfloat16 where it is safe, else nothing."""
    if cell.precision != "amp":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def use_precision(cell: Cell) -> None:
    """Let float32 products be float32, or TF32, in this whole process.

    torch's own default is TF32 for convolutions and not for matrix products.
    """
    torch.backends.cuda.matmul.allow_tf32 = cell.precision == "tf32"
    torch.backends.cudnn.allow_tf32 = cell.precision == "tf32"


def is_out_of_memory(error: BaseException) -> bool:
    """Recognise it on accelerators by its class, and on the CPU by what the allocator says."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return any(words in str(error) for words in OUT_OF_MEMORY)


@contextmanager
def failures(cell: Cell, kind: type[ArchbenchError], doing: str) -> Iterator[None]:
    """Turn what is raised into an OutOfMemory, or an error of a kind that says what was done."""
    try:
        yield
    except (Exception, SystemExit) as error:
        if is_out_of_memory(error):
            raise OutOfMemory(
                f"{cell.model} at batch {cell.batch_size} does not fit into memory on "
                f"{cell.device}",
                "try a smaller -b or -i",
            ) from error
        if isinstance(error, ArchbenchError):
            raise
        raise kind(f"{doing}: {describe(error)}", "--debug shows the traceback") from error


def _placed(module: nn.Module, cell: Cell, device: torch.device) -> nn.Module:
    module = module.to(device)
    if cell.channels_last:
        to: Any = module.to  # torch's annotations know no memory_format
        module = to(memory_format=torch.channels_last)
    return module


def _inputs(
    plan: InputPlan, cell: Cell, device: torch.device, cache_bytes: int
) -> Sequence[Arguments]:
    """Make one set of inputs; to be cold, as many as the cache cannot hold."""

    def placed(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if value.is_floating_point() and cell.precision in HALF:
            value = value.to(HALF[cell.precision])
        if cell.channels_last and value.dim() == 4:
            value = value.contiguous(memory_format=torch.channels_last)
        return value

    first: Arguments = mapped(placed, plan.make(device))
    if not cell.cold_cache or not cache_bytes:
        return [first]
    copies = COLD_FACTOR * cache_bytes // max(1, bytes_of(tensors_in(first))) + 1
    many = mapped(placed, replace(plan, batch_size=copies * plan.batch_size).make(device))
    return [
        mapped(partial(_part, number=i, batch_size=plan.batch_size), many) for i in range(copies)
    ]


def _part(value: Any, number: int, batch_size: int) -> Any:
    """Cut one batch out of many, which are one tensor: making each by itself would take long."""
    if not isinstance(value, Tensor):
        return value
    return value[number * batch_size : (number + 1) * batch_size]


def _forward(
    module: nn.Module, inputs: Sequence[Arguments], cell: Cell, device: torch.device
) -> Call:
    """Make the shortest call there is: what stands around the module is timed with it."""
    if len(inputs) == 1 and cell.precision != "amp":
        args, kwargs = inputs[0]
        return lambda: module(*args, **kwargs)
    turns = cycle(inputs)

    def forward() -> Any:
        args, kwargs = next(turns)
        with autocast(cell, device):
            return module(*args, **kwargs)

    return forward


def _step(forward: Call, optimizer: torch.optim.Optimizer) -> Call:
    return lambda: training_step(forward, optimizer)
