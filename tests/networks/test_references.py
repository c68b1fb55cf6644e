"""The networks that torchvision and timm have too: equal counts, through the same analysis.

tests/networks/test_weights.py holds their outputs to each other.
"""

from typing import Any

import pytest
import torch
from torch import nn

import archbench
from archbench.errors import ArchbenchError
from archbench.networks.registry import find
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


def test_timm_s_networks_go_by_their_names(timm: Any) -> None:
    """timm:NAME."""
    totals = archbench.profile("timm:inception_v4", 299).totals
    assert totals.macs == counted("inception-v4").totals.macs
