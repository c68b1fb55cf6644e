"""One function per counter: a network with weights and its input, to MACs and parameters.

None stands for what a counter does not give. Each counter is called as its own documentation
shows, and told to be quiet.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

Count = tuple[float | None, float | None]  # MACs, params


def archbench(model: nn.Module, x: Tensor) -> Count:
    """Count with this project."""
    from archbench import profile

    totals = profile(model, inputs=(x,)).totals
    return totals.macs, totals.params


def fvcore(model: nn.Module, x: Tensor) -> Count:
    """Count with fvcore; what it calls flops are MACs, normalisation and pooling included."""
    from fvcore.nn import FlopCountAnalysis, parameter_count

    analysis = FlopCountAnalysis(model, x)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.tracer_warnings("none")
    return analysis.total(), parameter_count(model)[""]


def torchinfo(model: nn.Module, x: Tensor) -> Count:
    """Count with torchinfo."""
    from torchinfo import summary

    stats = summary(model, input_data=x, verbose=0)
    return stats.total_mult_adds, stats.total_params


def ptflops(model: nn.Module, x: Tensor) -> Count:
    """Count with ptflops, by its default backend."""
    from ptflops import get_model_complexity_info

    return get_model_complexity_info(
        model,
        tuple(x.shape[1:]),
        as_strings=False,
        print_per_layer_stat=False,
        verbose=False,
    )


def thop(model: nn.Module, x: Tensor) -> Count:
    """Count with thop."""
    from thop import profile

    return profile(model, inputs=(x,), verbose=False)


def torchprofile(model: nn.Module, x: Tensor) -> Count:
    """Count with torchprofile, which counts no parameters."""
    from torchprofile import profile_macs

    return profile_macs(model, x), None


def flop_counter_mode(model: nn.Module, x: Tensor) -> Count:
    """Count with torch's own counter; half of its FLOPs, and no parameters."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(x)
    return counter.get_total_flops() / 2, None


COUNTERS: dict[str, Callable[[nn.Module, Tensor], Count]] = {
    "archbench": archbench,
    "fvcore": fvcore,
    "torchinfo": torchinfo,
    "ptflops": ptflops,
    "thop": thop,
    "torchprofile": torchprofile,
    "FlopCounterMode": flop_counter_mode,
}


def quietly(counter: str, model: nn.Module, x: Tensor) -> Count:
    """Run one counter without gradients, its prints, warnings and log lines dropped."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return COUNTERS[counter](model, x)
