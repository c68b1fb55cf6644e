"""The half precisions, as torch's types."""

import torch

HALF = {"fp16": torch.float16, "bf16": torch.bfloat16}  # of weights and inputs; others: float32
