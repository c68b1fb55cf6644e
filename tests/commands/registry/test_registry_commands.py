"""`archbench list` and `archbench info`."""

import json

import pytest

from archbench.app import run
from tests.command_line import succeed


def test_list_shows_the_shelf(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it, one family, or a glob; JSON as in the contract."""
    document = json.loads(succeed(capsys, "list", "-f", "json"))
    assert document["schema"] == "archbench.list/1"
    assert {row["name"] for row in document["architectures"]} >= {"googlenet", "resnet1202"}
    assert document["architectures"][0].keys() == {
        *("name", "family", "year", "paper", "input_shape", "num_classes", "differs"),
        *("published_errors", "params", "macs", "depth"),
    }
    plain = succeed(capsys, "list", "--family", "plain", "-f", "csv").strip().split("\n")[1:]
    assert [line.split(",")[0] for line in plain] == [
        *("plain18", "plain34", "plain20", "plain32", "plain44", "plain56", "plain110")
    ]
    assert len(succeed(capsys, "list", "resnet50*", "-f", "csv").strip().split("\n")) == 3


def test_list_shows_one_year(capsys: pytest.CaptureFixture[str]) -> None:
    """The year is the paper's: 2014 for GoogLeNet, 2016 for the pre-activation networks."""
    rows = json.loads(succeed(capsys, "list", "--year", "2014", "-f", "json"))["architectures"]
    assert {row["year"] for row in rows} == {2014}
    assert {"googlenet", "vgg16"} <= {row["name"] for row in rows}
    preact = succeed(capsys, "list", "preact-*", "--year", "2016", "-f", "csv")
    assert preact == succeed(capsys, "list", "preact-*", "-f", "csv")


def test_a_year_without_networks_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """As a family is, with the family beside it."""
    assert run(["list", "--family", "resnet", "--year", "2013"]) == 2
    assert "of the family 'resnet' of 2013 matches '*'" in capsys.readouterr().err
    assert run(["list", "net19", "--year", "2012"]) == 2  # highway19's is of 2015
    assert "hint: `archbench list` names them all" in capsys.readouterr().err


def test_info_tells_where_a_network_comes_from(capsys: pytest.CaptureFixture[str]) -> None:
    """Paper, errors with their conditions, conventions, arguments and variants, in every format."""
    out = succeed(capsys, "info", "inception-v3")
    for said in (
        "Rethinking the Inception Architecture for Computer Vision",
        "https://arxiv.org/abs/1512.00567",
        "21.2 / 5.6",
        "48,238 images",
        "0.1, to a uniform prior",
        "params     23,834,568",
        "inception-v2",
    ):
        assert said in out
    document = json.loads(succeed(capsys, "info", "bn-inception", "-f", "json"))
    assert document["schema"] == "archbench.info/1"
    assert document["published_errors"][0] == {
        "data": "ImageNet 2012 val",
        "top1_error_percent": 25.2,
        "top5_error_percent": 7.82,
        "views": "1 crop",
        "models": 1,
        "source": "arXiv:1502.03167, figure 4",
    }
    assert set(document["arguments"]) == {"num_classes", "version"}
    lines = succeed(capsys, "info", "plain20", "-f", "csv").strip().split("\n")
    assert lines[:2] == ["field,value", "name,plain20"]
    assert "## alexnet" in succeed(capsys, "info", "alexnet", "-f", "md")
