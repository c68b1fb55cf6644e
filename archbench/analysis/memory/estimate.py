"""The peak of memory, computed: run a network on the meta device and watch its storages live."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from archbench.analysis.memory.attention import FUSED_OPERATIONS, FusedAttention
from archbench.analysis.memory.byte_range import NOTHING, ByteRange, at_least
from archbench.analysis.memory.convolution import CONVOLUTIONS
from archbench.analysis.memory.operations import cpu_memory
from archbench.analysis.memory.records import MemoryEstimate
from archbench.analysis.memory.storages import StorageWatch
from archbench.analysis.profile import explained, unwrapped
from archbench.analysis.tensor_swap import swapped_tensors
from archbench.analysis.trace import ForwardFailed, Inputs, materialised, on_meta_or_own, paths_of
from archbench.collector import collection_paused
from archbench.errors import ArchbenchError
from archbench.networks.blank import META
from archbench.networks.inputs import InputPlan
from archbench.networks.resolve import Loaded
from archbench.networks.tensors import bytes_of, tensors_in
from archbench.networks.training import DEFAULT_OPTIMIZER, forward_backward, optimizer_for
from archbench.networks.ways import Mode

WORKSPACES = dict.fromkeys(CONVOLUTIONS, "workspaces of convolutions")
WORKSPACES |= dict.fromkeys(FUSED_OPERATIONS, "attention")
CPU = torch.device("cpu")
CUDA_BLOCK = 512  # bytes: kMinBlockSize in c10/cuda/CUDACachingAllocator.h


def estimate_memory(
    loaded: Loaded,
    plan: InputPlan,
    mode: Mode = "infer",
    optimizer: str = DEFAULT_OPTIMIZER,
    device: str = "cpu",
) -> MemoryEstimate:
    """Compute the memory of one call, and leave the network as it was.

    Every tensor counts from the operation that makes it until nothing holds it. On the CPU
    the memory that kernels take while they run counts too (working.py), as far as it is
    known. On CUDA it does not: cuDNN chooses its kernels at run time, so that an estimate for a
    network with convolutions is a lower bound.

    Args:
        loaded: a model, with weights or blank.
        plan: its inputs.
        mode: "infer", a forward pass in evaluation mode without gradients; or "train",
            a step in training mode, one after the first.
        optimizer: of a training step: "sgd", "momentum" or "adam".
        device: where the call would run: "cpu"; "cuda", whose allocator rounds to 512 bytes; or
            "meta" for the tensors alone, to the byte.

    Raises:
        ArchbenchError: an input does not fit, or the network cannot be trained.
        UserCodeError: the user's forward raised, on the meta device and on the model's own.
    """
    module = unwrapped(loaded.module)
    call = _Call(mode, optimizer, torch.device(device))
    try:
        with collection_paused():
            memory, note = _run(module, plan.make, call)
    except ForwardFailed as failed:
        raise explained(failed, loaded, plan) from failed.__cause__
    return MemoryEstimate(
        model=loaded.name,
        mode=mode,
        batch_size=plan.batch_size,
        dtype=plan.specs[0].dtype if plan.specs else "float32",
        device=call.device.type,
        optimizer=optimizer if mode == "train" else None,
        note=note,
        **memory,
    )


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked for."""

    mode: Mode
    optimizer: str
    device: torch.device

    def watch(self, on_meta: bool) -> StorageWatch:
        """Make a watch for the kernels and the allocator of the device."""
        match self.device.type:
            case "cpu":
                return StorageWatch(cpu_memory, 1, on_meta)
            case "meta":
                return StorageWatch(_nothing, 1, on_meta)
            case "cuda":
                return StorageWatch(_accelerator, CUDA_BLOCK, on_meta)
            case _:
                return StorageWatch(_accelerator, 1, on_meta)


def _nothing(func: Any, args: Any, out: Any) -> ByteRange:
    return NOTHING


def _accelerator(func: Any, args: Any, out: Any) -> ByteRange:
    """Convolutions and attention take workspaces that the device's library chooses at run time."""
    return at_least(0, WORKSPACES[func]) if func in WORKSPACES else NOTHING


def _run(
    module: nn.Module, make_inputs: Callable[[torch.device], Inputs], call: _Call
) -> tuple[dict[str, Any], str]:
    """Run on the meta device; where the network cannot, on its own, and say why."""
    paths = paths_of(module)
    return on_meta_or_own(paths, lambda device: _run_on(device, module, paths, make_inputs, call))


def _run_on(
    device: torch.device,
    module: nn.Module,
    modules: Iterable[nn.Module],
    make_inputs: Callable[[torch.device], Inputs],
    call: _Call,
) -> dict[str, Any]:
    if any(isinstance(part, LazyModuleMixin) for part in modules):
        module = materialised(device, module, make_inputs)
        modules = paths_of(module)
    watch = call.watch(device == META)
    with swapped_tensors(modules, device == META, lambda part: None):
        args, kwargs = make_inputs(device)
        held = {
            "weights_bytes": bytes_of(module.parameters()),
            "buffers_bytes": bytes_of(module.buffers()),
            "inputs_bytes": bytes_of(tensors_in((args, kwargs))),
        }
        try:
            with nullcontext() if call.device == META else FusedAttention(call.device != CPU):
                if call.mode == "infer":
                    found = _inference(watch, module, args, kwargs)
                else:
                    found = _training(watch, module, args, kwargs, call.optimizer)
            if call.device != META and any(isinstance(part, nn.RNNBase) for part in modules):
                watch.unknown["recurrent layers"] = None  # fused on the device, taken apart here
            if watch.unknown:
                found["activations_peak_high_bytes"] = None
            return {**held, **found, "unknown": tuple(watch.unknown)}
        except ArchbenchError:
            raise
        except (Exception, SystemExit) as error:
            shapes = [tuple(tensor.shape) for tensor in tensors_in((args, kwargs))]
            raise ForwardFailed("", type(module).__name__, shapes) from error


def _inference(
    watch: StorageWatch, module: nn.Module, args: Any, kwargs: dict[str, Any]
) -> dict[str, Any]:
    with watch:
        module(*args, **kwargs)
    return {
        "optimizer_bytes": 0,
        "gradients_bytes": 0,
        "activations_peak_bytes": watch.peak_bytes,
        "activations_peak_high_bytes": watch.peak_high_bytes,
    }


def _training(
    watch: StorageWatch, module: nn.Module, args: Any, kwargs: dict[str, Any], optimizer: str
) -> dict[str, Any]:
    """Take the first step, then the optimizer's part again: by then its state is there.

    Forward and backward pass do not depend on that state, and need no second run.
    """
    module.train()
    parameters = list(module.parameters())
    kept = [parameter.grad for parameter in parameters]
    try:
        for parameter in parameters:
            parameter.grad = None
        steps = optimizer_for(optimizer, parameters)
        with torch.enable_grad(), watch:
            loss = forward_backward(lambda: module(*args, **kwargs))
            low, high, before = watch.peak_bytes, watch.peak_high_bytes, watch.current_bytes
            steps.step()
            state = watch.current_bytes - before
            watch.restart()
            steps.step()
        del loss
        gradients = [p.grad for p in parameters if isinstance(p.grad, Tensor)]
        return {
            "optimizer_bytes": state,
            "gradients_bytes": bytes_of(gradients),
            "activations_peak_bytes": max(low, watch.peak_bytes - state),
            "activations_peak_high_bytes": max(high, watch.peak_high_bytes - state),
        }
    finally:
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient
