"""What a summary says besides its figures."""

import pytest
import torch
from torch import Tensor, nn

import archbench


class FourBits(nn.Module):
    """A linear layer of 64 x 32 weights, two to a byte."""

    def __init__(self) -> None:
        super().__init__()
        halves = torch.zeros(64 * 32 // 2, 1, dtype=torch.uint8)
        self.halves = nn.Parameter(halves, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.cat([self.halves & 15, self.halves >> 4], 1).reshape(64, 32)
        return x @ weight.to(x.dtype).t()


def test_integer_parameters_are_told() -> None:
    """1,024 bytes count 1,024 params, and multiply as 2,048 weights do."""
    profile = archbench.profile(FourBits(), "float32:32", batch_size=3)
    assert (profile.totals.params, profile.totals.macs) == (1024, 3 * 64 * 32)
    assert profile.remarks == (
        "1,024 of the params are integers (uint8): one of them may hold several weights of fewer "
        "bits",
    )
    assert profile.to_dict()["remarks"] == list(profile.remarks)


@pytest.mark.filterwarnings("ignore:.*torch.ao.quantization", "ignore:.*quantize_per_tensor")
def test_packed_weights_are_told() -> None:
    """The weights of a layer that torch quantised are an object of C++."""
    model = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(32, 64)))
    profile = archbench.profile(model, "float32:32")
    assert profile.totals.params == 0
    assert profile.remarks == (
        "torch has packed the weights of 1 module: packed weights are no parameters and count 0 "
        "params",
    )


def test_ordinary_networks_need_no_remark() -> None:
    """Buffers may be integers: batch normalisation counts its batches."""
    profile = archbench.profile(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), (3, 8, 8))
    assert profile.remarks == ()
    assert "remarks" not in profile.to_dict()
