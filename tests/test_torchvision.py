"""The networks that torchvision has too: equal counts, and equal outputs for equal weights."""

from typing import Any

import pytest
import torch
from torch import nn

import archbench
from archbench.errors import ArchbenchError
from benchmarks.zoo import import_torchvision


@pytest.fixture(scope="module")
def torchvision() -> Any:
    """Torchvision's Python definitions, without its compiled operations, which few need."""
    return import_torchvision() or pytest.skip("torchvision is missing, or fits another torch")


PAIRS = [
    ("resnet18-b", "resnet18"),
    ("resnet34-b", "resnet34"),
    ("resnet50-v1.5", "resnet50"),
    ("resnet101-v1.5", "resnet101"),
    ("resnet152-v1.5", "resnet152"),
    ("googlenet-torchvision", "googlenet"),
]


def theirs(torchvision: Any, name: str) -> nn.Module:
    kwargs = {"aux_logits": True, "init_weights": True} if name == "googlenet" else {}
    model: nn.Module = getattr(torchvision.models, name)(weights=None, **kwargs)
    return model


@pytest.mark.parametrize(("ours", "other"), PAIRS, ids=[pair[0] for pair in PAIRS])
def test_counts_are_equal(torchvision: Any, ours: str, other: str) -> None:
    """Params, buffers, MACs, activations and depth of both, through the same analysis."""
    kwargs = {"aux": True} if other == "googlenet" else {}
    mine = archbench.profile(ours, model_kwargs=kwargs).totals
    model = theirs(torchvision, other)
    if other == "googlenet":
        model.train()  # its heads run in training only; analysis is in evaluation mode
        mine_heads = {s.name: s for s in archbench.profile(ours, model_kwargs=kwargs).stages}
        profile = archbench.profile(model, (3, 224, 224))
        assert profile.totals.params == mine.params
        heads = mine_heads["aux1"].macs + mine_heads["aux2"].macs
        assert profile.totals.macs == mine.macs - heads
        assert {"aux1", "aux2"} <= set(profile.uncalled)
        return
    assert archbench.profile(model, (3, 224, 224)).totals == mine


@pytest.mark.parametrize(("ours", "other"), PAIRS[:4], ids=[pair[0] for pair in PAIRS[:4]])
def test_outputs_are_equal_for_equal_weights(torchvision: Any, ours: str, other: str) -> None:
    """In float64, to rounding: that proves the wiring, which totals do not."""
    torch.manual_seed(0)
    reference = theirs(torchvision, other).double().eval()
    model = archbench.build(ours).double().eval()
    own, given = model.state_dict(), reference.state_dict()
    renamed = {resnet_key(key): value for key, value in given.items()}
    assert own.keys() == renamed.keys()
    model.load_state_dict(renamed)
    x = torch.randn(2, 3, 96, 96, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(model(x), reference(x), rtol=1e-10, atol=1e-10)


def test_torchvision_s_networks_go_by_their_names(torchvision: Any) -> None:
    """torchvision:NAME, and a suggestion where there is none of that name."""
    totals = archbench.profile("torchvision:resnet18", (3, 224, 224)).totals
    assert totals == archbench.profile("resnet18-b").totals
    with pytest.raises(ArchbenchError, match="no model named 'resnet5O'") as caught:
        archbench.profile("torchvision:resnet5O", (3, 224, 224))
    assert "'torchvision:resnet50'" in caught.value.hint


def resnet_key(key: str) -> str:
    """Rename torchvision's parameters: layer2.0.conv1.weight -> conv3_x.1.residual.conv1.weight."""
    parts = key.split(".")
    if parts[0] in ("conv1", "bn1"):
        return f"conv1.{parts[0].rstrip('1')}.{parts[1]}"
    if parts[0] == "fc":
        return key
    stage, block = f"conv{int(parts[0][-1]) + 1}_x", str(int(parts[1]) + 1)
    if parts[2] == "downsample":
        return ".".join([stage, block, "shortcut", ("conv", "bn")[int(parts[3])], parts[4]])
    return ".".join([stage, block, "residual", *parts[2:]])


def test_googlenet_outputs_are_equal_for_equal_weights(torchvision: Any) -> None:
    """All three classifiers, in float64; the modules are listed in the same order."""
    torch.manual_seed(0)
    reference = theirs(torchvision, "googlenet").double().eval()
    model = archbench.build("googlenet-torchvision", aux=True).double().eval()
    main = [m for m in reference.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
    order = {id(module): i for i, module in enumerate(main)}
    heads = [reference.aux1, reference.aux2]
    theirs_by_stage: dict[str, list[nn.Module]] = {}
    for name, child in reference.named_children():
        theirs_by_stage[name] = [m for m in child.modules() if id(m) in order]
    for name, child in model.named_children():
        mine = [m for m in child.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.Linear)]
        source = {"conv2": ["conv2", "conv3"]}.get(name, [name.replace("inception_", "inception")])
        given = [module for key in source for module in theirs_by_stage.get(key, [])]
        assert len(mine) == len(given), name
        for target, origin in zip(mine, given, strict=True):
            target.load_state_dict(origin.state_dict())
    x = torch.randn(2, 3, 224, 224, dtype=torch.float64)
    with torch.no_grad():
        logits, aux1, aux2 = model(x)
        assert torch.allclose(logits, reference(x), rtol=1e-10, atol=1e-10)
        at_4a, at_4d = after(model, x, "inception_4a"), after(model, x, "inception_4d")
        assert torch.allclose(aux1, heads[0](at_4a), rtol=1e-10, atol=1e-10)
        assert torch.allclose(aux2, heads[1](at_4d), rtol=1e-10, atol=1e-10)


def after(model: nn.Module, x: torch.Tensor, stage: str) -> torch.Tensor:
    """Run the main path up to and including a stage."""
    for name, child in model.named_children():
        if not name.startswith("aux"):
            x = child(x)
        if name == stage:
            return x
    raise AssertionError(stage)
