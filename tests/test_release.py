"""The mistakes that `make release-check` refuses, and the extras that it covers."""

import tomllib

import pytest

from tests.release import USES, check_tag
from tests.repository import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_a_tag_must_be_the_version() -> None:
    """Otherwise PyPI would get another release than the one that was tagged."""
    check_tag(f"v{PROJECT['version']}")
    for tag in (PROJECT["version"], "v0.0.1", "v"):
        with pytest.raises(AssertionError, match="releases version"):
            check_tag(tag)


def test_every_extra_of_users_is_tried() -> None:
    """The extra for developers is left out: the tests themselves use it."""
    assert USES.keys() == PROJECT["optional-dependencies"].keys() - {"dev", "release"}
