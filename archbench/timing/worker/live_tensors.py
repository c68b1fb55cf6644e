"""The tensors that are alive in this process, by which a network is seen to grow."""

import gc

import torch
from torch import Tensor

from archbench.analysis.isolation.stand_ins import PLAIN
from archbench.networks.tensors import bytes_of
from archbench.timing.records import LiveTensors


def live_tensors() -> LiveTensors:
    """Return the tensors that Python's garbage collector sees, after a collection.

    Frozen objects are left out: only what was made since then is looked at. Tensors that share
    memory count it once; the memory of sparse and nested tensors and of subclasses is not known.
    Tensors that C++ alone holds are not seen.
    """
    gc.collect()
    tensors = [one for one in gc.get_objects() if issubclass(type(one), Tensor)]
    dense = [one for one in tensors if type(one) in PLAIN and one.layout is torch.strided]
    return LiveTensors(len(tensors), bytes_of(dense))
