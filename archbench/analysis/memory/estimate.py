"""The peak of memory, computed: a run on the meta device, watching which storages are alive."""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.failure import ForwardFailed, error_of
from archbench.analysis.forward_device import on_meta_or_own
from archbench.analysis.isolation.run import run_isolated
from archbench.analysis.isolation.survivors import Survivors
from archbench.analysis.lazy_parameters import materialise
from archbench.analysis.memory.attention import FUSED_OPERATIONS, FusedAttention
from archbench.analysis.memory.byte_range import NOTHING, ByteRange, at_least
from archbench.analysis.memory.convolution import CONVOLUTIONS
from archbench.analysis.memory.operations import cpu_memory
from archbench.analysis.memory.records import MemoryEstimate
from archbench.analysis.memory.storages import StorageWatch
from archbench.errors import ArchbenchError
from archbench.garbage_collector import collection_paused
from archbench.networks.blank_weights import META
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import (
    buffers_of,
    modules_of,
    parameters_of,
    paths_of,
    set_training,
    unwrapped,
)
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

    Every tensor counts from the operation that makes it until nothing holds it. On the CPU the
    memory that kernels take while they run counts too (operations.py), as far as it is known. On
    CUDA it does not: cuDNN chooses its kernels at run time, so that an estimate for a network with
    convolutions is a lower bound.

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
    call = _Call(mode, optimizer, torch.device(device))
    modules = paths_of(unwrapped(loaded.module))
    try:
        with collection_paused():
            found, note = on_meta_or_own(modules, lambda on: _estimate_on(on, loaded, plan, call))
    except ForwardFailed as failed:
        raise error_of(failed, loaded, plan) from failed.__cause__
    return replace(found, note=note)


@dataclass(frozen=True, slots=True)
class _Call:
    """The call whose memory is estimated."""

    mode: Mode
    optimizer: str
    device: torch.device  #: where it would run

    def watch(self, on_meta: bool) -> StorageWatch:
        """Return a watch for the kernels and the allocator of the device."""
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


@dataclass(frozen=True, slots=True)
class _Peak:
    """What one call takes beside weights, buffers and inputs: fields of MemoryEstimate."""

    optimizer_bytes: int
    gradients_bytes: int
    low: int  #: activations_peak_bytes
    high: int  #: activations_peak_high_bytes, unless an operation has no upper bound


def _estimate_on(
    device: torch.device, loaded: Loaded, plan: InputPlan, call: _Call
) -> MemoryEstimate:
    """Run the call on a device and return its memory."""
    module = unwrapped(loaded.module)
    module, modules, own = materialise(module, paths_of(module), device, plan)
    watch = call.watch(device == META)

    def run(
        args: tuple[Any, ...], kwargs: dict[str, Any], survivors: Survivors | None
    ) -> tuple[int, int, int, _Peak]:
        watch.survivors = survivors
        weights, buffers = bytes_of(parameters_of(modules)), bytes_of(buffers_of(modules))
        inputs = bytes_of(tensors_in((args, kwargs)))
        return weights, buffers, inputs, _run(module, args, kwargs, call, watch)

    weights_bytes, buffers_bytes, inputs_bytes, peak = run_isolated(
        modules, plan, device, run, own=own
    )
    unknown = tuple(watch.unknown)
    if call.device != META and any(isinstance(part, nn.RNNBase) for part in modules):
        unknown = (*unknown, "recurrent layers")  # fused on the device, taken apart here
    return MemoryEstimate(
        model=loaded.name,
        mode=call.mode,
        batch_size=plan.batch_size,
        dtype=plan.specs[0].dtype if plan.specs else "float32",
        device=call.device.type,
        optimizer=call.optimizer if call.mode == "train" else None,
        weights_bytes=weights_bytes,
        buffers_bytes=buffers_bytes,
        inputs_bytes=inputs_bytes,
        optimizer_bytes=peak.optimizer_bytes,
        gradients_bytes=peak.gradients_bytes,
        activations_peak_bytes=peak.low,
        activations_peak_high_bytes=None if unknown else peak.high,
        unknown=unknown,
    )


def _run(
    module: nn.Module, args: Any, kwargs: dict[str, Any], call: _Call, watch: StorageWatch
) -> _Peak:
    try:
        with nullcontext() if call.device == META else FusedAttention(call.device != CPU):
            if call.mode == "infer":
                return _inference(watch, module, args, kwargs)
            return _training(watch, module, args, kwargs, call.optimizer)
    except ArchbenchError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ForwardFailed("", type(module).__name__, (args, kwargs)) from error


def _inference(watch: StorageWatch, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> _Peak:
    with watch:
        module(*args, **kwargs)
    return _Peak(0, 0, watch.peak_bytes, watch.peak_high_bytes)


def _training(
    watch: StorageWatch, module: nn.Module, args: Any, kwargs: dict[str, Any], optimizer: str
) -> _Peak:
    """Take the first step, then the optimizer's part again: the optimizer's state exists then.

    Forward and backward pass do not depend on that state, and need no second run.
    """
    modules = modules_of(module)
    set_training(modules, True)
    parameters = parameters_of(modules)
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
        return _Peak(
            optimizer_bytes=state,
            gradients_bytes=bytes_of(gradients),
            low=max(low, watch.peak_bytes - state),
            high=max(high, watch.peak_high_bytes - state),
        )
    finally:
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient
