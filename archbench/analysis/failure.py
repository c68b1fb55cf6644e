"""A forward pass that failed: the layer, its input, and the error that users see."""

from collections.abc import Sequence
from typing import Any

import torch

from archbench.errors import ArchbenchError, InputRefused, UserCodeError
from archbench.networks.inputs import InputPlan
from archbench.networks.resolve import Loaded
from archbench.networks.tensors import shape_of, tensors_in
from archbench.networks.user_code import describe
from archbench.private_torch import refused_higher_order
from archbench.units import Shape, shape_for_machines

_HINT = "shapes include the batch; -i sets the input size, --debug shows the traceback"


class ForwardFailed(Exception):
    """A network's own forward() raised an exception, which `__cause__` holds.

    Args:
        path: of the module that failed; "" is the network itself.
        type_name: the module's class.
        inputs: the arguments of its forward().
    """

    def __init__(self, path: str, type_name: str, inputs: Any) -> None:
        super().__init__(path, type_name)
        self.path = path
        self.type = type_name
        self.shapes: Sequence[Shape] = [shape_of(tensor) for tensor in tensors_in(inputs)]


LONGEST_PATH = 60  # characters of a path in a message


def shortened(path: str) -> str:
    """Return a path without its beginning, if it is too long for a message."""
    return path if len(path) <= LONGEST_PATH else f"...{path[-LONGEST_PATH:]}"


def error_of(
    failed: ForwardFailed, loaded: Loaded, plan: InputPlan, runs_alone: bool | None = None
) -> ArchbenchError:
    """Return the error for a failed forward pass, which names the layer, its input and the reason.

    It is InputRefused for a network of the registry, UserCodeError for a network of the user, and a
    plain ArchbenchError if the same pass succeeds without archbench; None: that is not known.
    """
    shapes = " and ".join(shape_for_machines(s) or "a number" for s in failed.shapes) or "nothing"
    path = shortened(failed.path) or "the network itself"
    where = f"{path} ({failed.type}) on an input of {shapes}"
    cause = failed.__cause__
    if operation := refused_higher_order(cause):
        return ArchbenchError(
            f"{loaded.name} cannot be counted beside torch {torch.__version__}: {where} calls "
            f"torch's higher-order operation '{operation}'",
            "install torch 2.9 or a later release",
        )
    reason = describe(cause) if cause is not None else "unknown"
    if runs_alone:
        return ArchbenchError(
            f"archbench cannot analyse {loaded.name}: {where}: {reason}",
            "the network runs by itself; --debug shows the traceback",
        )
    if loaded.input_shape is not None and plan.given is None:
        size = shape_for_machines(plan.specs[0].shape)
        own = shape_for_machines(loaded.input_shape)
        return InputRefused(
            f"{loaded.name} cannot take an input of {size}: {where}: {reason}",
            f"its own input size is {own}",
        )
    return UserCodeError(
        f"forward of {loaded.name} failed in {where}: {reason}", f"{_HINT}{_vector_hint(plan)}"
    )


def _vector_hint(plan: InputPlan) -> str:
    """Say how a vector is written, if the only input is a square image of three channels."""
    shapes = [spec.shape for spec in plan.specs]
    if plan.given is None and len(shapes) == 1 and shapes[0] == (3, *shapes[0][-1:] * 2):
        return f"; a vector of {shapes[0][-1]} is -i float32:{shapes[0][-1]}"
    return ""
