"""What the registry says of each network, against the network itself."""

import inspect
from importlib import import_module
from typing import Any

import pytest
from torch import nn

import archbench
from archbench.errors import ArchbenchError
from archbench.networks.registry import ARCHITECTURES, find, related
from archbench.networks.registry.published import published_errors
from archbench.networks.registry.records import Architecture
from archbench.networks.registry.totals import kept_totals
from tests.shelf import blank, counted

NAMES = [row.name for row in ARCHITECTURES]

# A value of each argument that some network takes and that differs from every default.
VALUES: dict[str, Any] = {
    "num_classes": 7,
    "aux": True,
    "shortcut": "C",
    "stride_on": "3x3",
    "version": "tf-slim",
    "stem": "cifar",
    "groups": 1,
    "modules_17x17": 4,
    "residual_scale": 0.3,
    "conv4_width": 384,
    "activation": "shared",
    "fc_pieces": 5,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_kept_totals_are_those_of_the_analysis(name: str) -> None:
    """What `archbench list` shows without looking; `make totals` writes it anew."""
    totals = counted(name).totals
    assert kept_totals()[name] == (totals.params, totals.macs, totals.depth)


def test_totals_are_kept_for_the_shelf_and_nothing_else() -> None:
    """One row each, in the registry's order."""
    assert list(kept_totals()) == NAMES


def choices(row: Architecture) -> list[str]:
    """What the file's build() leaves to users."""
    build = import_module(f"archbench.networks.archs.{row.module}").build
    parameters = inspect.signature(build).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


@pytest.mark.parametrize("name", NAMES)
def test_a_network_takes_the_arguments_that_its_row_names_and_no_other(name: str) -> None:
    """Each named one changes something or is refused by value; each other one is refused."""
    row = find(name)
    named = [argument for argument, _ in row.choices]
    assert set(named) <= set(choices(row))
    for argument in choices(row):
        value = "7x7" if (row.module, argument) == ("inception_v3", "stem") else VALUES[argument]
        if argument in named:
            assert archbench.profile(name, model_kwargs={argument: value})
        else:
            with pytest.raises(ArchbenchError):
                archbench.profile(name, model_kwargs={argument: value})


@pytest.mark.parametrize("name", NAMES)
def test_the_dropout_that_is_told_is_the_one_that_is_built(name: str) -> None:
    """Every rate in the network stands in its conventions, and none where it has none."""
    row = find(name)
    if row.module == "inception_module":
        return
    said = dict(row.training)["dropout"]
    if said.startswith("as highway19"):
        said = dict(find("highway19").training)["dropout"]
    kwargs = {"aux": True} if "aux" in dict(row.choices) else {}
    network = blank(name, **kwargs)
    rates = {m.p for m in network.modules() if isinstance(m, nn.Dropout)}
    assert all(f"{rate:.0%}".replace("%", " %") in said for rate in rates)
    assert bool(rates) != said.startswith("none")


def test_every_published_error_belongs_to_a_network() -> None:
    """And is a percentage between 1 and 70, the second guess better than the first."""
    assert set(published_errors()) <= set(NAMES)
    for errors in published_errors().values():
        for error in errors:
            values = [error.top1_error_percent, error.top5_error_percent]
            given = [value for value in values if value is not None]
            assert given
            assert all(1 < value < 70 for value in given)
            assert given == sorted(given, reverse=True)
            assert error.models >= 1
        assert errors[0].models == 1


@pytest.mark.parametrize(
    ("name", "top1", "top5", "views"),
    [
        ("googlenet", None, 6.67, "144 crops"),  # its Table 3
        ("inception-v3", 18.77, 4.2, "144 crops"),  # Rethinking, Table 4
        ("resnet152", 21.43, 5.71, "10 crops"),  # He et al., Table 3
        ("resnet34-c", 24.19, 7.4, "10 crops"),
        ("vgg16", 28.07, 9.33, "10 crops"),
        ("prelu-net-c", 24.27, 7.38, "10 crops"),
        ("maxout", 9.38, None, "1 view"),  # He et al., Table 6
        ("nin", 8.81, None, "1 view"),
        ("dsn", 8.22, None, "1 view"),
        ("fitnet4", 8.39, None, "1 view"),
        ("resnet1202", 7.93, None, "1 view"),
        ("preact-resnet1001", 4.92, None, "1 view, median of 5"),
        ("inception-resnet-v2", 19.9, 4.9, "1 crop"),
        ("alexnet", 40.7, 18.2, "10 crops"),
    ],
)
def test_well_known_errors_are_there(
    name: str, top1: float | None, top5: float | None, views: str
) -> None:
    """As the papers print them."""
    found = [(e.top1_error_percent, e.top5_error_percent, e.views) for e in find(name).errors]
    assert (top1, top5, views) in found


def test_variants_are_the_other_networks_of_the_file() -> None:
    """GoogLeNet has three; a ResNet those of its own depth; every one names the others."""
    assert [row.name for row in related(find("resnet34"))] == [
        *("plain34", "resnet34-b", "resnet34-c")
    ]
    for row in ARCHITECTURES:
        assert all(row in related(other) for other in related(row))
    assert [row.name for row in related(find("googlenet"))] == [
        *("googlenet-separable", "googlenet-torchvision", "bn-googlenet")
    ]
    assert related(find("nin")) == ()


def test_every_row_says_what_sets_it_apart() -> None:
    """In one line, and a reconstruction says that it is one."""
    for row in ARCHITECTURES:
        assert 10 < len(row.differs) <= 95, row.name
        assert row.training
    for name in ("inception-v2", "highway32"):
        assert find(name).differs.startswith("a reconstruction")


def test_papers_are_cited_in_one_line() -> None:
    """Short, and with a page where arXiv has one."""
    paper = find("resnet50").paper
    assert str(paper) == (
        "He et al., Deep Residual Learning for Image Recognition, arXiv:1512.03385"
    )
    assert paper.url == "https://arxiv.org/abs/1512.03385"
    assert find("alexnet").paper.url is None
