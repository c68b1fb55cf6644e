"""Files of weights: those of torchvision and timm give equal outputs, wrong ones are named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archbench
from archbench.errors import MissingLibrary, WeightsRefused
from archbench.networks.key_maps import KEY_MAPS
from archbench.networks.registry import find
from archbench.networks.weights import load_weights
from benchmarks.zoo import import_torchvision

REFERENCES = [
    ("googlenet-torchvision", "torchvision", "googlenet", 96),
    ("inception-v3", "torchvision", "inception_v3", 139),
    ("inception-v3", "timm", "inception_v3", 139),
    ("inception-v4", "timm", "inception_v4", 139),
    ("inception-resnet-v2", "timm", "inception_resnet_v2", 139),
    ("alexnet-one-tower", "torchvision", "alexnet", 224),
    ("vgg16", "torchvision", "vgg16", 224),
    ("vgg16", "timm", "vgg16", 224),
    ("vgg19", "torchvision", "vgg19", 224),
    ("resnet18-b", "torchvision", "resnet18", 96),
    ("resnet34-b", "torchvision", "resnet34", 96),
    ("resnet34-b", "timm", "resnet34", 96),
    ("resnet50-v1.5", "torchvision", "resnet50", 96),
    ("resnet101-v1.5", "torchvision", "resnet101", 96),
    ("resnet152-v1.5", "torchvision", "resnet152", 96),
]


def reference(library: str, name: str) -> nn.Module:
    """Build their network with random weights and batch-norm statistics that are not neutral."""
    torchvision = import_torchvision()
    if torchvision is None:
        pytest.skip("torchvision is missing, or fits another torch")
    torch.manual_seed(0)
    if library == "timm":
        timm = pytest.importorskip("timm", reason="timm is missing", exc_type=ImportError)
        model: nn.Module = timm.create_model(name)
    else:
        slow = name.startswith(("googlenet", "inception", "vgg"))  # their own initialisation is
        plain = {"init_weights": False} if slow else {}
        model = getattr(torchvision.models, name)(weights=None, **plain)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0.0, 0.1)
            nn.init.uniform_(module.weight, 0.5, 1.0)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.1)
            module.running_var.uniform_(0.8, 1.5)
    return model


@pytest.mark.parametrize(
    ("ours", "library", "theirs", "size"), REFERENCES, ids=lambda value: str(value)
)
def test_outputs_equal_the_reference_s(
    tmp_path: Path, ours: str, library: str, theirs: str, size: int
) -> None:
    """In float64, to rounding, through the written key map: that proves the wiring."""
    other = reference(library, theirs)
    file = tmp_path / "theirs.pth"
    torch.save(other.state_dict(), file)
    model = archbench.build(ours, weights=file)
    assert sum(p.numel() for p in model.parameters()) == sum(
        p.numel() for path, p in other.named_parameters() if not path.startswith(("aux", "Aux"))
    )
    x = torch.randn(1, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        mine, expected = model.double().eval()(x), other.double().eval()(x)
    assert expected.abs().max() > 1e-6
    assert torch.allclose(mine, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


@pytest.mark.parametrize(
    ("ours", "theirs", "size"),
    [("inception-v3", "inception_v3", 299), ("googlenet-torchvision", "googlenet", 224)],
)
def test_auxiliary_heads_equal_the_reference_s(
    tmp_path: Path, ours: str, theirs: str, size: int
) -> None:
    """Both in training mode, without dropout and with batch statistics, for all classifiers."""
    other = reference("torchvision", theirs)
    file = tmp_path / "theirs.pth"
    torch.save(other.state_dict(), file)
    model = archbench.build(ours, weights=file, aux=True)
    for network in (model, other):
        network.double().train()
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    with torch.no_grad():
        mine, expected = model(x), other(x)
    named = {"logits": expected.logits}
    if theirs == "googlenet":  # torchvision names the later head first
        named |= {"aux1": expected.aux_logits1, "aux2": expected.aux_logits2}
    else:
        named |= {"aux": expected.aux_logits}
    assert len(mine) == len(named)
    for got, (head, wanted) in zip(mine, named.items(), strict=True):
        assert torch.allclose(got, wanted, rtol=1e-8, atol=1e-8), head


def test_every_key_map_has_a_test() -> None:
    """No map is there that nothing holds to its reference."""
    assert set(KEY_MAPS) == {name for name, *_ in REFERENCES}


SMALL = "resnet20"


def saved(tmp_path: Path, content: Any, name: str = "file.pth") -> Path:
    file = tmp_path / name
    torch.save(content, file)
    return file


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
        lambda state: {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")},
        lambda state: {"state_dict": {"model": state}},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {f"model.{key}": value for key, value in state.items()},
        lambda state: {f"_orig_mod.module.module.{key}": value for key, value in state.items()},
        lambda state: {k: v.half() if v.is_floating_point() else v for k, v in state.items()},
    ],
    ids=[
        *("plain", "checkpoint", "parallel", "compiled", "old", "nested", "nested the other way"),
        *("lightning", "both", "half"),
    ],
)
def test_a_network_reads_its_own_weights(
    tmp_path: Path, wrap: Callable[[dict[str, Tensor]], Any]
) -> None:
    """However a training script wrapped them."""
    torch.manual_seed(1)
    trained = archbench.build(SMALL)
    file = saved(tmp_path, wrap(trained.state_dict()))
    torch.manual_seed(2)
    loaded = archbench.build(SMALL, weights=file)
    for key, value in trained.state_dict().items():
        assert torch.allclose(loaded.state_dict()[key], value, rtol=1e-3, atol=1e-3), key


def test_safetensors_are_read(tmp_path: Path) -> None:
    """The form in which timm's weights are handed out."""
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is missing")
    trained = archbench.build(SMALL)
    safetensors.save_file(trained.state_dict(), tmp_path / "w.safetensors")
    loaded = archbench.build(SMALL, weights=tmp_path / "w.safetensors")
    assert torch.equal(loaded.fc.weight, trained.fc.weight)


def test_safetensors_that_cannot_be_read_say_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is not one that archbench needs."""
    monkeypatch.setitem(__import__("sys").modules, "safetensors.torch", None)
    (tmp_path / "w.safetensors").write_bytes(b"x")
    with pytest.raises(
        MissingLibrary, match=r"safetensors is needed for '.*w.safetensors'"
    ) as caught:
        archbench.build(SMALL, weights=tmp_path / "w.safetensors")
    assert caught.value.hint == "pip install 'archbench[weights]'"


class Harmful:
    """Unpickles to a call."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("ran",))


def broken(key: str, change: Callable[[Tensor], Tensor] | None) -> dict[str, Tensor]:
    """A state dict of resnet20 with one tensor changed, or left out."""
    state = archbench.build(SMALL).state_dict()
    if change is None:
        del state[key]
    else:
        state[key] = change(state[key])
    return state


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "holds no tensors by name"),
        ([1, 2], "holds no tensors by name"),
        ({"epoch": 3}, "'epoch' is not a tensor's name"),
        ({1: torch.zeros(1)}, "'1' is not a tensor's name"),
        ({"fc": {"weight": torch.zeros(1)}}, "'fc' is not a tensor's name"),
        (Harmful(), "holds Python objects other than tensors, which are never loaded"),
        (nn.Linear(2, 2), "holds Python objects other than tensors"),
        (broken("fc.bias", lambda b: b.to_sparse()), "'fc.bias' as a sparse"),
        (broken("fc.bias", lambda b: b.to("meta")), "'fc.bias' as a sparse, quantized or empty"),
        (broken("fc.bias", lambda b: b.long()), "'fc.bias' is int64 there and float32 here"),
        (broken("fc.bias", lambda b: b.to(torch.complex64)), "complex64 there"),
        (broken("conv1.bn.num_batches_tracked", lambda n: n + 0.5), "float32 there and int64"),
        (broken("fc.weight", lambda w: w[:, :, None, None]), "'fc.weight' is 10x64x1x1 there"),
        (
            broken("fc.weight", lambda w: w) | {"aux.fc.weight": torch.zeros(1)},
            "no 'aux.fc.weight'",
        ),
        (broken("fc.weight", lambda w: w) | {"a\nb" * 99: torch.zeros(1)}, r"no ''a\\nb"),
        (broken("fc.bias", None), "it has no 'fc.bias'"),
        (broken("fc.weight", lambda w: w.T), "'fc.weight' is 64x10 there and 10x64 here"),
        (
            broken("stage1.1.residual.conv1.weight", lambda w: w[..., 0, 0]),
            "'stage1.1.residual.conv1.weight' is 16x16 there and 16x16x3x3 here",
        ),
        (broken("fc.weight", lambda w: w) | {"extra": torch.zeros(1)}, "no 'extra'"),
    ],
)
def test_wrong_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, message: str
) -> None:
    """The first key that does not fit is named; no code in a file is run."""
    file = saved(tmp_path, content)
    with pytest.raises(WeightsRefused, match=message) as caught:
        archbench.build(SMALL, weights=file)
    assert str(file) in caught.value.message
    assert "\n" not in caught.value.message
    assert "weights_only" not in str(caught.value.args) + caught.value.hint
    assert caught.value.hint
    assert "ran" not in capsys.readouterr().out


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    """Not there, a folder, text, nothing, half of one, a path too long, no path at all."""
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "empty.pth").touch()
    whole = saved(tmp_path, archbench.build(SMALL).state_dict()).read_bytes()
    (tmp_path / "half.pth").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "half.safetensors").write_bytes(whole)
    for name, message in (
        ("none.pth", "there is no file"),
        (".", "is a folder"),
        ("text.pth", "not a file of weights"),
        ("empty.pth", "is empty"),
        ("half.pth", "is damaged, or not a file of weights"),
        ("half.safetensors", "is damaged, or not a file|safetensors is needed"),
        ("n" * 5000, "there is no file"),
    ):
        with pytest.raises((WeightsRefused, MissingLibrary), match=message):
            archbench.build(SMALL, weights=tmp_path / name)
    for value in (archbench.build(SMALL).state_dict(), True, 3):
        with pytest.raises(WeightsRefused, match=r"not the path of a file"):
            archbench.build(SMALL, weights=value)  # type: ignore[arg-type]


def test_a_refused_file_changes_nothing(tmp_path: Path) -> None:
    """Every tensor is looked at before the first is copied."""
    model = archbench.build(SMALL)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    file = saved(tmp_path, broken("fc.bias", lambda b: b[:5]))
    with pytest.raises(WeightsRefused):
        load_weights(model, find(SMALL), {}, file)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_two_keys_of_one_layer_are_refused(tmp_path: Path) -> None:
    """A file that has a layer in torchvision's words and in timm's names neither."""
    other = reference("torchvision", "vgg16").state_dict()
    file = saved(tmp_path, other | {"head.fc.weight": torch.zeros(1000, 4096)})
    same = r"'classifier\.6\.weight' and 'head\.fc\.weight' are the same layer"
    with pytest.raises(WeightsRefused, match=same):
        archbench.build("vgg16", weights=file)


def test_a_network_without_memory_takes_no_weights(tmp_path: Path) -> None:
    """Loading into the meta device would do nothing, in silence."""
    file = saved(tmp_path, archbench.build(SMALL).state_dict())
    with torch.device("meta"), pytest.raises(WeightsRefused, match="no memory"):
        archbench.build(SMALL, weights=file)


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde stands for it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    saved(tmp_path, archbench.build(SMALL).state_dict())
    assert archbench.build(SMALL, weights="~/file.pth")
    with pytest.raises(WeightsRefused, match=r"no file of weights '~nobody\.here/file\.pth'"):
        archbench.build(SMALL, weights="~nobody.here/file.pth")


def test_another_network_s_file_names_the_first_key_as_the_file_would(tmp_path: Path) -> None:
    """In torchvision's words where the file has those; the hint says what would fit."""
    other = reference("torchvision", "resnet18")
    file = saved(tmp_path, other.state_dict())
    with pytest.raises(WeightsRefused, match=r"has no 'Conv2d_1a_3x3\.conv\.weight'") as caught:
        archbench.build("inception-v3", weights=file)
    assert "torchvision's or timm's inception_v3" in caught.value.hint
    with pytest.raises(WeightsRefused, match=r"has no 'layer1\.2\.conv1\.weight'"):
        archbench.build("resnet34-b", weights=file)
    with pytest.raises(WeightsRefused, match="does not fit") as caught:
        archbench.build("resnet18", weights=file)  # option A: the same shapes, another network
    assert "`resnet18-b`" in caught.value.hint


def test_another_number_of_classes_says_how_to_build_it(tmp_path: Path) -> None:
    """The classifier is what does not fit."""
    file = saved(tmp_path, archbench.build(SMALL, num_classes=100).state_dict())
    with pytest.raises(WeightsRefused, match=r"'fc\.weight' is 100x64 there") as caught:
        archbench.build(SMALL, weights=file)
    assert caught.value.hint == "build it with num_classes=100"
    assert archbench.build(SMALL, weights=file, num_classes=100).fc.out_features == 100
    file = saved(tmp_path, archbench.build("fitnet4", fc_pieces=5).state_dict())
    with pytest.raises(WeightsRefused, match="2500x128") as caught:
        archbench.build("fitnet4", weights=file)
    assert "num_classes" not in caught.value.hint
    file = saved(tmp_path, archbench.build("dsn", aux=True, num_classes=100).state_dict())
    with pytest.raises(WeightsRefused, match=r"'aux1\.fc\.weight'|'cccp6") as caught:
        archbench.build("dsn", weights=file, aux=True)
    assert caught.value.hint == "build it with num_classes=100"


def test_heads_that_were_not_asked_for_are_left(tmp_path: Path) -> None:
    """A file with auxiliary heads fits the network without; one without does not fit with."""
    with_heads = archbench.build("googlenet", aux=True)
    without = archbench.build("googlenet", weights=saved(tmp_path, with_heads.state_dict()))
    assert torch.equal(without.fc.weight, with_heads.fc.weight)
    file = saved(tmp_path, without.state_dict())
    with pytest.raises(WeightsRefused, match=r"has no 'aux1\.") as caught:
        archbench.build("googlenet", weights=file, aux=True)
    assert caught.value.hint == "build it without aux"
