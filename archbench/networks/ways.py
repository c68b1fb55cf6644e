"""The words for how a network runs: its precision, its mode, its optimizer, its compilation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from archbench.errors import ArchbenchError, nearest

Precision = Literal["fp32", "tf32", "fp16", "bf16", "amp"]
Mode = Literal["infer", "train"]
Optimizer = Literal["sgd", "momentum", "adam"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
MODES: tuple[Mode, ...] = get_args(Mode)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


@dataclass(frozen=True, slots=True)
class ModelWays:
    """How one MODEL is run, in place of a command's options; None where the MODEL says nothing."""

    input_size: tuple[str, ...] | None = None  #: without the batch, a text for each input
    batch_size: int | None = None  #: samples in one pass
    precision: Precision | None = None  #: fp32, tf32, fp16, bf16 or amp
    channels_last: bool | None = None  #: whether images and convolution weights are NHWC
    compile: str | Literal[False] | None = None  #: mode of torch.compile; False runs eagerly
    threads: int | None = None  #: of the CPU
    module: str | None = None  #: path of the part that is taken by itself


def check_words(kind: str, words: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a word that is not known.

    Raises:
        ArchbenchError: with the nearest known word.
    """
    for word in words:
        if word not in known:
            raise ArchbenchError(
                f"there is no {kind} '{word}'",
                f"{nearest(word, known)}there are {', '.join(known)}",
            )
