"""What is measured: a network, its batch size, and how it is run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from archbench.networks.ways import Mode, Optimizer, Precision
from archbench.record import Record


@dataclass(frozen=True, slots=True)
class Cell(Record):
    """One thing to measure; of the machine it names only the device."""

    model: str  #: as the user named it
    #: keyword arguments of the network or factory
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    #: inputs without the batch, "float32:3x224x224" or "name:dtype:shape"; of the whole network if
    #: the model is a part of one
    inputs: tuple[str, ...] = ()
    #: hash of the code or the object behind the name, where that is the user's own
    content: str = ""
    batch_size: int = 1  #: samples in one pass
    device: str = "cpu"  #: "cpu", "cuda", "cuda:1", "mps"
    #: amp is autocast to bfloat16; tf32 is float32 with TF32 products
    precision: Precision = "fp32"
    channels_last: bool = False  #: whether images and convolution weights are NHWC
    compiled: str | None = None  #: the mode of torch.compile; None runs eagerly
    cuda_graph: bool = False  #: whether one captured graph is replayed
    cold_cache: bool = False  #: cycles through many inputs, so that none is in the cache
    mode: Mode = "infer"  #: one forward pass, or one step of training
    optimizer: Optimizer = "momentum"  #: of a step of training
    #: number of CPU threads; None leaves torch's own
    threads: int | None = None

    @property
    def how(self) -> str:
        """How the cell is run, where that differs from float32 and eager inference.

        >>> Cell("resnet18").how, Cell("resnet18", precision="bf16", mode="train").how
        ('', 'bf16 train, momentum')
        """
        words: list[str] = []
        if self.precision != "fp32":
            words.append(self.precision)
        if self.channels_last:
            words.append("channels-last")
        if self.compiled is not None:
            words.append("compiled" if self.compiled == "default" else self.compiled)
        if self.cuda_graph:
            words.append("graph")
        if self.cold_cache:
            words.append("cold")
        if self.mode == "train":
            words.append(f"train, {self.optimizer}")
        return " ".join(words)

    @property
    def summary_line(self) -> str:
        """Model, batch, device and how it is run: "resnet18, batch 8, cuda, bf16"."""
        return ", ".join(
            filter(None, (self.model, f"batch {self.batch_size}", self.device, self.how))
        )

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that differ where anything in the cell does."""
        text = json.dumps(self.to_dict(), sort_keys=True, default=repr)
        return sha256(text.encode()).hexdigest()[:12]
