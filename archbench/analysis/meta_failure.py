"""Why a network failed on the meta device, though it runs on its own device."""

import re
from typing import Any

import torch

from archbench.analysis.operators import is_higher_order, name_of
from archbench.networks.argument_tensors import NeedsValues
from archbench.networks.user_code import describe

_OPERATION = "_archbench_operation"  # attribute of an exception: the operation that raised it
_NO_KERNEL = re.compile(r"fake impl|Meta kernel|'Meta' backend")  # in torch's messages
_NO_VALUES = re.compile(r"\bmeta (tensor|device type)", re.IGNORECASE)  # likewise


def note_operation(error: BaseException, func: Any) -> None:
    """Note in an exception that an operation raised it; the innermost one stays noted."""
    vars(error).setdefault(_OPERATION, func)


def reason_of(error: BaseException) -> str:
    """Return the reason of a failure on the meta device, as the clause behind "because".

    The reasons are: the network reads values of tensors, the size of a result depends on values,
    an operation has no kernel for the meta device, or whatever else forward() raised.
    """
    text = str(error)
    func = vars(error).get(_OPERATION)
    refused = isinstance(error, NotImplementedError) or _NO_VALUES.search(text)
    if func is not None and refused and _has_tag(func, "dynamic_output_shape"):
        return f"the size of what {name_of(func)} returns depends on values"
    if func is not None and _NO_KERNEL.search(text):
        if _has_tag(func, "data_dependent_output"):
            return f"what {name_of(func)} returns depends on values"
        return f"{name_of(func)} has no kernel for the meta device"
    if isinstance(error, NeedsValues) or _NO_VALUES.search(text):
        return f"it cannot run without values: {_first_sentence(text)}"
    reason = _first_sentence(describe(error))
    return f"its forward() fails on the meta device, which holds no values: {reason}"


def _has_tag(func: Any, name: str) -> bool:
    """Tell whether torch tags an operation so; releases differ in the tags that they know."""
    tag = getattr(torch.Tag, name, None)
    return tag is not None and not is_higher_order(func) and tag in func.tags


def _first_sentence(text: str) -> str:
    return text.strip().split("\n")[0].split(". ")[0].rstrip(".")
