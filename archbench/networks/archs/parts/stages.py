"""What every network of the shelf is made of at the top: stages, in the order of a paper's rows."""

from collections.abc import Iterable

from torch import Tensor, nn


class Head(nn.Sequential):
    """An auxiliary classifier, for training: it looks on at a stage's output and changes nothing.

    (N, c_in, H, W) -> (N, num_classes) logits.
    """


class Logits(nn.Identity):
    """Stands for a table's softmax row and hands the logits on: the loss applies the softmax."""


class StagedNetwork(nn.Module):
    """One child per row of the paper's table, run in order: (N, 3, H, W) -> (N, num_classes).

    The result is logits; with heads it is (logits, aux1, ...), in training and in evaluation.
    """

    def __init__(self, stages: Iterable[tuple[str, nn.Module]]) -> None:
        super().__init__()
        for name, stage in stages:
            self.add_module(name, stage)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Run the stages; a linear one sees each sample as a vector."""
        side = []
        for stage in self.children():
            if isinstance(stage, Head):
                side.append(stage(x))
            else:
                x = stage(x.flatten(1) if isinstance(stage, nn.Linear) else x)
        return (x, *side) if side else x
