"""Small networks that several tests share; nothing here runs by itself."""

import pytest
from torch import Tensor, nn


class TwoConvs(nn.Module):
    """conv 3->4 (3x3), then conv 4->8 (1x1), on images."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 8, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


@pytest.fixture
def two_convs() -> TwoConvs:
    """108 + 4 + 32 parameters; on 3x8x8: 64 x 108 + 64 x 32 = 8,960 MACs."""
    return TwoConvs()
