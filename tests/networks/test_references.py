"""The networks that torchvision and timm have too: equal counts, through the same analysis.

tests/networks/test_weights.py holds their outputs to each other.
"""

from inspect import signature
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archbench
from archbench.errors import ArchbenchError
from archbench.networks import user_code
from archbench.networks.registry import find
from archbench.networks.user_code import without_weights
from benchmarks.zoo import import_torchvision
from tests.shelf import counted


@pytest.fixture(scope="module")
def torchvision() -> Any:
    """Torchvision's Python definitions, without its compiled operations, which few need."""
    return import_torchvision() or pytest.skip("torchvision is missing, or fits another torch")


@pytest.fixture(scope="module")
def timm(torchvision: Any) -> Any:
    """Timm, which imports torchvision."""
    return pytest.importorskip("timm", reason="timm is missing", exc_type=ImportError)


TORCHVISION = [
    ("resnet18-b", "resnet18"),
    ("resnet34-b", "resnet34"),
    ("resnet50-v1.5", "resnet50"),
    ("resnet101-v1.5", "resnet101"),
    ("resnet152-v1.5", "resnet152"),
    ("googlenet-torchvision", "googlenet"),
    ("inception-v3", "inception_v3"),
    ("alexnet-one-tower", "alexnet"),
    ("vgg16", "vgg16"),
    ("vgg19", "vgg19"),
]
TIMM = [
    ("resnet18-b", "resnet18"),
    ("resnet34-b", "resnet34"),
    ("resnet50-v1.5", "resnet50"),
    ("inception-v3", "inception_v3"),
    ("inception-v4", "inception_v4"),
    ("inception-resnet-v2", "inception_resnet_v2"),
    ("vgg16", "vgg16"),
    ("vgg19", "vgg19"),
    ("preact-resnet50", "resnetv2_50"),
    ("preact-resnet101", "resnetv2_101"),
    ("preact-resnet152", "resnetv2_152"),
]


def same_counts(ours: str, model: nn.Module) -> None:
    """Hold params, MACs, activations and depth to each other."""
    mine = counted(ours).totals
    other = archbench.profile(model, find(ours).input_shape).totals
    assert (mine.params, mine.macs) == (other.params, other.macs)
    assert (mine.activations, mine.depth) == (other.activations, other.depth)


@pytest.mark.parametrize(("ours", "theirs"), TORCHVISION, ids=[pair[0] for pair in TORCHVISION])
def test_torchvision_s_counts_are_equal(torchvision: Any, ours: str, theirs: str) -> None:
    """The networks without their heads."""
    heads = theirs in ("googlenet", "inception_v3")
    kwargs = {"aux_logits": False, "init_weights": False} if heads else {}
    with torch.device("meta"):
        same_counts(ours, torchvision.models.get_model(theirs, weights=None, **kwargs))


@pytest.mark.parametrize(("ours", "theirs"), TIMM, ids=[pair[0] for pair in TIMM])
def test_timm_s_counts_are_equal(timm: Any, ours: str, theirs: str) -> None:
    """Its resnetv2 has the pre-activation networks' counts, though another stem."""
    with torch.device("meta"):
        same_counts(ours, timm.create_model(theirs))


@pytest.mark.parametrize(
    ("ours", "theirs", "heads"),
    [
        ("googlenet-torchvision", "googlenet", {"aux1": "aux1", "aux2": "aux2"}),
        ("inception-v3", "inception_v3", {"aux": "AuxLogits"}),
    ],
)
def test_auxiliary_heads_count_the_same(
    torchvision: Any, ours: str, theirs: str, heads: dict[str, str]
) -> None:
    """Torchvision's run in training only: analysis, in evaluation mode, names them uncalled."""
    with torch.device("meta"):
        build = getattr(torchvision.models, theirs)
        model = build(weights=None, aux_logits=True, init_weights=False)
    other = archbench.profile(model, find(ours).input_shape)
    assert set(heads.values()) <= set(other.uncalled)
    mine = counted(ours, aux=True)
    assert mine.totals.params == other.totals.params
    without = counted(ours).totals.macs
    own = [mine.stage(name) for name in heads]
    assert mine.totals.macs == without + sum(stage.macs for stage in own if stage is not None)
    for stage, name in zip(own, heads.values(), strict=True):
        assert stage is not None
        assert stage.params == sum(p.numel() for p in model.get_submodule(name).parameters())


def test_torchvision_s_networks_go_by_their_names(torchvision: Any) -> None:
    """torchvision:NAME, and a suggestion where there is none of that name."""
    totals = archbench.profile("torchvision:resnet18", (3, 224, 224)).totals
    assert totals == counted("resnet18-b").totals
    with pytest.raises(ArchbenchError, match="no model named 'resnet5O'") as caught:
        archbench.profile("torchvision:resnet5O", (3, 224, 224))
    assert "'torchvision:resnet50'" in caught.value.hint


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection can be opened, and no cached file of weights is found."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("the test is offline")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)


def test_no_network_of_torchvision_downloads_weights(torchvision: Any, offline: None) -> None:
    """Segmentation and detection would load those of their backbone."""
    names = torchvision.models.list_models()
    loads = [
        name
        for name in names
        if "weights_backbone" in signature(torchvision.models.get_model_builder(name)).parameters
    ]
    assert {"deeplabv3_resnet50", "fasterrcnn_resnet50_fpn"} <= set(loads)
    for name in loads:
        with torch.device("meta"):
            user_code.load(f"torchvision:{name}", {})


def test_deeplabv3_has_the_counts_of_its_definition(torchvision: Any, offline: None) -> None:
    """39,638,869 parameters by numel(); MACs by half of torch's own counter."""
    profile = archbench.profile("torchvision:deeplabv3_resnet50", (3, 224, 224))
    model = torchvision.models.get_model("deeplabv3_resnet50", weights=None, weights_backbone=None)
    assert profile.totals.params == sum(p.numel() for p in model.parameters()) == 39_638_869
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.empty(1, 3, 224, 224))
    assert profile.totals.macs == counter.get_total_flops() // 2 == 31_310_548_992


def test_a_weight_that_is_asked_for_is_passed_on() -> None:
    """And a factory without such an argument gets none."""

    def build(width: int = 3, weights: str | None = "IMAGENET", pretrained: bool = True) -> None:
        """Stand for a library's factory."""

    assert without_weights(build, {"weights": "mine"}) == {"weights": "mine", "pretrained": False}
    assert without_weights(lambda width: None, {"width": 4}) == {"width": 4}


def test_timm_s_networks_go_by_their_names(timm: Any) -> None:
    """timm:NAME."""
    totals = archbench.profile("timm:inception_v4", 299).totals
    assert totals.macs == counted("inception-v4").totals.macs
