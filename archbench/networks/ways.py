"""The words for how a network runs: its precision, its mode, its optimizer."""

from typing import Literal, get_args

Precision = Literal["fp32", "tf32", "fp16", "bf16", "amp"]
Mode = Literal["infer", "train"]
Optimizer = Literal["sgd", "momentum", "adam"]

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
MODES: tuple[Mode, ...] = get_args(Mode)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
