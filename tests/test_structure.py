"""How the project hangs together: imports go down, and torch stays where it belongs."""

import ast
import doctest
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import archbench
from archbench.networks.registry import ARCHITECTURES, find, select

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "archbench"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = sorted(info.name for info in pkgutil.walk_packages(archbench.__path__, "archbench."))

# A folder may import from those below it, and from itself.
LEVELS = [
    {"__main__", "pytest_plugin"},
    {"cli"},
    {"api"},
    {"report", "gate", "papers"},
    {"analyze", "measure"},
    {"models"},
    {"archs"},
    {"registry"},
    {"records"},
    {"private_torch", "libraries"},
    {"appending"},
    {"errors", "units", "collector", "signs", "places", "ci", "version"},
]
WITH_TORCH = {"archs", "models", "analyze", "measure", "private_torch"}
PAPERS_WITH_TORCH = {"claims", "recompute", "layers.py", "networks.py"}  # of papers/, these parts
LAZY = {  # never at the start of the command
    *("cloudpickle", "fvcore", "junitparser", "matplotlib", "pandas", "pytest_benchmark"),
    *("safetensors", "scipy", "torch"),
}


def place(path: Path) -> str:
    """The folder of a file, or its own name at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level(name: str) -> int:
    return next(i for i, names in enumerate(LEVELS) if name in names)


def imports(path: Path, at_top: bool) -> Iterator[str]:
    """The modules that a file imports; at_top: only when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_top else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "archbench":
                yield from (f"archbench.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    """Cli -> api -> report, gate -> analyze, measure -> models -> archs -> records -> units."""
    own = place(path)
    if own in ("__init__", "py"):
        return
    for module in imports(path, at_top=False):
        parts = module.split(".")
        if parts[0] != "archbench" or len(parts) == 1 or parts[1] == "__version__":
            continue
        if parts[1] == own:
            continue
        # report reads what gate decides; the other way would be a circle
        allowed = level(parts[1]) > level(own) or (own, parts[1]) == ("report", "gate")
        assert allowed, f"{own} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_stays_where_it_belongs(path: Path) -> None:
    """Records, gate and report know no torch, of papers only what reads networks does.

    Elsewhere nothing heavy is imported at the start.
    """
    own = place(path)
    heavy = {module.split(".")[0] for module in imports(path, at_top=True)} & LAZY
    with_torch = own in WITH_TORCH
    if own == "papers":
        with_torch = path.relative_to(PACKAGE).parts[1] in PAPERS_WITH_TORCH
    assert heavy <= ({"torch"} if with_torch else set())
    if own in ("records", "errors", "units", "registry", "report", "gate"):
        everywhere = {module.split(".")[0] for module in imports(path, at_top=False)}
        assert "torch" not in everywhere


def test_every_architecture_file_has_a_row_and_every_row_a_file() -> None:
    """Names are unique and lower case."""
    files = {path.stem for path in (PACKAGE / "archs").glob("*.py")} - {"__init__"}
    assert {row.module for row in ARCHITECTURES} == files
    names = [row.name for row in ARCHITECTURES]
    assert len(set(names)) == len(names)
    assert all(name == name.lower() and " " not in name for name in names)


def test_the_registry_suggests_and_selects() -> None:
    """The nearest name; a glob; a family."""
    for typo, name in (("gogle", "googlenet"), ("ResNet50", "resnet50"), ("resnt34", "resnet34")):
        with pytest.raises(archbench.errors.UnknownArchitecture) as caught:
            find(typo)
        assert f"'{name}'" in caught.value.hint
    with pytest.raises(archbench.errors.UnknownArchitecture) as caught:
        find("zzzzzz")
    assert "did you mean" not in caught.value.hint
    assert [row.name for row in select("googlenet*")] == [
        *("googlenet", "googlenet-separable", "googlenet-torchvision")
    ]
    assert {row.family for row in select(family="plain")} == {"plain"}


def test_what_is_exported_is_there() -> None:
    """__all__ and dir() agree with what can be had."""
    for name in archbench.__all__:
        assert callable(getattr(archbench, name))
        assert name in dir(archbench)
    with pytest.raises(AttributeError, match="no attribute 'profiel'"):
        archbench.profiel  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    """Every >>> in the package gives what stands below it."""
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0


def test_examples_of_the_package_are_true() -> None:
    """Those of `archbench` itself too."""
    assert doctest.testmod(sys.modules["archbench"]).failed == 0


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("test_*.py")), ids=lambda p: p.stem)
def test_every_test_says_what_it_holds(path: Path) -> None:
    """In one sentence or more."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), node.name
