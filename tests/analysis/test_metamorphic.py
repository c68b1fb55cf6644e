"""How counts must change when something else changes."""

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import archbench
from tests.shelf import counted

NETWORKS = [
    "googlenet",
    "bn-googlenet",
    "resnet18",
    "resnet34-c",
    "resnet50",
    "resnet20",
    "plain34",
]


class Attention(nn.Module):
    """Self-attention without projections, so that its cost is the two products alone."""

    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [2, 4])
def test_a_batch_costs_its_number_of_images(name: str, batch: int) -> None:
    """MACs and activations grow with the batch, params and shapes do not."""
    one, many = counted(name), archbench.profile(name, batch_size=batch)
    assert many.totals.macs == batch * one.totals.macs
    assert many.totals.activations == batch * one.totals.activations
    assert many.totals.params == one.totals.params
    assert [s.output_shape for s in many.stages] == [s.output_shape for s in one.stages]


@pytest.mark.parametrize("name", NETWORKS)
def test_counting_twice_gives_the_same(name: str) -> None:
    """Nothing is left behind that a second count would see."""
    model = archbench.build(name)
    size = (3, 32, 32) if name == "resnet20" else (3, 224, 224)
    assert archbench.profile(model, size) == archbench.profile(model, size)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_real_network_counts_as_its_blank_twin(name: str) -> None:
    """The registry's name is analysed without weights; the built network with them."""
    twin = counted(name)
    real = archbench.profile(archbench.build(name), twin.inputs[0].shape)
    assert real.totals == twin.totals
    assert real.stages == twin.stages
    assert real.layers == twin.layers


@settings(max_examples=25)
@given(
    size=st.integers(8, 40),
    factor=st.integers(2, 4),
    c_in=st.integers(1, 5),
    c_out=st.integers(1, 7),
    kernel=st.sampled_from([1, 3, 5]),
)
def test_convolution_is_quadratic_in_resolution(
    size: int, factor: int, c_in: int, c_out: int, kernel: int
) -> None:
    """With "same" padding, f times the side costs f² times the MACs."""
    model = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2)
    small = archbench.profile(model, (c_in, size, size)).totals
    large = archbench.profile(model, (c_in, factor * size, factor * size)).totals
    assert large.macs == factor**2 * small.macs
    assert small.macs == size**2 * c_in * c_out * kernel**2


@settings(max_examples=25)
@given(length=st.integers(2, 64), factor=st.integers(2, 5), width=st.integers(1, 33))
def test_attention_is_quadratic_in_length(length: int, factor: int, width: int) -> None:
    """F times the tokens cost f² times the MACs."""
    small = archbench.profile(Attention(), (length, width)).totals.macs
    large = archbench.profile(Attention(), (factor * length, width)).totals.macs
    assert small == 2 * length**2 * width
    assert large == factor**2 * small


@settings(max_examples=25)
@given(
    c_in=st.integers(1, 6),
    c_out=st.integers(1, 6),
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
)
def test_a_convolution_and_its_transpose_cost_the_same(
    c_in: int, c_out: int, kernel: int, stride: int
) -> None:
    """The transpose spreads what the convolution gathers: as many multiply-adds, backwards."""
    forward = archbench.profile(nn.Conv2d(c_in, c_out, kernel, stride), (c_in, 12, 12))
    size = forward.stages[0].output_shape
    assert size is not None
    backward = archbench.profile(nn.ConvTranspose2d(c_out, c_in, kernel, stride), size)
    assert backward.totals.macs == forward.totals.macs


@pytest.mark.parametrize("name", NETWORKS)
def test_children_sum_to_their_parent(name: str) -> None:
    """A stage profiled alone costs what its row says."""
    profile = counted(name)
    model = archbench.build(name)
    shape = profile.inputs[0].shape
    for stage in profile.stages:
        if stage.name == "fc":
            break
        alone = archbench.profile(model.get_submodule(stage.name), shape)
        assert (alone.totals.params, alone.totals.macs) == (stage.params, stage.macs)
        assert alone.totals.depth == stage.depth
        assert stage.output_shape is not None
        shape = stage.output_shape


def test_fallback_gives_the_meta_numbers() -> None:
    """A network that reads values runs on its own device, says so, and counts the same."""

    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = archbench.build("resnet20")
            self.lstm = nn.LSTM(10, 6, num_layers=2, bidirectional=True)
            self.encoder = nn.TransformerEncoderLayer(12, 2, 24)

        def forward(self, x: Tensor) -> Tensor:
            y = self.inner(x)
            if self.reads and float(y.abs().sum()) < 0:
                raise AssertionError
            return self.encoder(self.lstm(y[None])[0])

    model = Reads()
    model.reads = False
    meta = archbench.profile(model, (3, 32, 32))
    model.reads = True
    own = archbench.profile(model, (3, 32, 32))
    assert (meta.device, own.device) == ("meta", "cpu")
    assert "cannot run without values" in own.note
    assert own.totals == meta.totals
    assert [layer.macs for layer in own.layers] == [layer.macs for layer in meta.layers]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # its own, on import
def test_wrappers_change_no_count() -> None:
    """Data-parallel and compiled models are counted as what they wrap."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 5))
    bare = archbench.profile(model, (3, 8, 8))
    for wrapped in (nn.DataParallel(model), torch.compile(model)):
        profile = archbench.profile(wrapped, (3, 8, 8))
        assert profile.totals == bare.totals
        assert profile.layers == bare.layers
    inner = nn.Sequential(torch.compile(copy.deepcopy(model)))
    assert archbench.profile(inner, (3, 8, 8)).totals == bare.totals


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # its category differs with the release
def test_a_scripted_model_is_counted() -> None:
    """TorchScript hides its modules from Python, but not its operations."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 5))
    bare = archbench.profile(model, (3, 8, 8)).totals
    scripted = torch.jit.script(model)
    profile = archbench.profile(scripted, (3, 8, 8))
    assert (profile.totals.macs, profile.totals.params) == (bare.macs, bare.params)
