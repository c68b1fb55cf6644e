"""How the project hangs together: imports go down, and torch stays where it belongs."""

import ast
import doctest
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import archbench
from archbench import app
from archbench.networks.registry import ARCHITECTURES, find, select
from tests.repository import ROOT

PACKAGE = ROOT / "archbench"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = sorted(info.name for info in pkgutil.walk_packages(archbench.__path__, "archbench."))
MODULES_HERE = {"archbench", *MODULES}

# A room may import from those below its line, and from itself. A room is a folder; of the folders
# that hold rooms, each of these is one too.
HOUSES = ("analysis", "commands", "gates", "networks", "timing")
COMMANDS = {f"commands/{path.parent.name}" for path in (PACKAGE / "commands").glob("*/*.py")}
LEVELS = [
    {"__main__"},
    {"app"},
    COMMANDS | {"plugin"},
    {"gates/ci"},
    {"gates/saved_runs", "gates/time"},
    {"gates/structure"},
    {"gates"},
    {"shell"},
    {"papers", "timing/sessions", "timing/worker"},
    {"timing"},
    {"timing/machine", "analysis/memory", "analysis/tools"},
    {"timing/processes", "analysis"},
    {"analysis/isolation"},
    {"networks"},
    {"networks/archs"},
    {"networks/registry"},
    {"statistics", "tables", "private_torch", "ci", "record"},
    {"libraries"},
    {
        "old_names",
        "several",
        "one_line",
        "errors",
        "units",
        "garbage_collector",
        "version",
        "csv_tables",
    },
]
WITHOUT_TORCH = {"statistics", "tables", "shell", "gates", "networks/registry", "ci"}  # rooms
RECORDS = {"records.py", "report.py", "cells_table.py", "parts_table.py"}  # facts, or their layout
WITH_TORCH = {  # rooms and files that import torch at their top
    *("networks", "networks/archs", "analysis", "analysis/isolation", "analysis/memory"),
    "analysis/tools",
    *("timing/machine", "timing/worker", "papers", "private_torch"),
    *("commands/explain/reconcile.py", "commands/selftest/slow_network.py"),
    "plugin/timed.py",
}
LAZY = {  # never at the start of the command
    *("cloudpickle", "fvcore", "junitparser", "matplotlib", "pandas", "pytest_benchmark"),
    *("safetensors", "scipy", "torch"),
}
NO_MODULES = {  # files, folders, error handlers that are called so; one is wrong on purpose
    *("archbench.toml", "archbench.compiled", "archbench.lock"),
    *("archbench.spelled", "archbench.escaped", "archbench.typo"),
}


def room(module: str) -> str:
    """The room of a module, or its own name at the top."""
    _, first, *rest = module.split(".")
    path = PACKAGE / first / (rest[0] if rest else "")
    return f"{first}/{rest[0]}" if first in HOUSES and rest and path.is_dir() else first


def level(name: str) -> int:
    return next(i for i, names in enumerate(LEVELS) if name in names)


def name_of(path: Path) -> str:
    """The module that a file of the package is."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, at_top: bool) -> Iterator[str]:
    """The modules that a file imports; at_top: only when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if at_top else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from within.intersection(MODULES) or {node.module}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    """No circle, no command that leans on another's insides, nothing below that knows a gate."""
    own = name_of(path)
    if own == "archbench":  # the front door
        return
    for module in imports(path, at_top=False):
        if module.split(".")[0] != "archbench" or room(module) == room(own):
            continue
        assert level(room(module)) > level(room(own)), f"{own} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_stays_where_it_belongs(path: Path) -> None:
    """Records, reports and what is below them know no torch.

    Elsewhere nothing heavy is imported at the start.
    """
    own = path.relative_to(PACKAGE).as_posix()
    here = room(name_of(path)) if own != "__init__.py" else ""
    heavy = {module.split(".")[0] for module in imports(path, at_top=True)} & LAZY
    assert heavy <= ({"torch"} if {here, own} & WITH_TORCH else set())
    if here in WITHOUT_TORCH or path.name in RECORDS or "/" not in own.removesuffix(".py"):
        everywhere = {module.split(".")[0] for module in imports(path, at_top=False)}
        assert "torch" not in everywhere or own == "private_torch.py"


@pytest.mark.parametrize(
    "path",
    [*FILES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_modules_that_are_named_in_texts_exist(path: Path) -> None:
    """What is started with -m, patched by its name or read from a package; no import shows it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        for name in re.findall(r"(?<![\w./-])archbench(?:\.[a-z_]\w*)+(?![\w/-])", node.value):
            if name in NO_MODULES or name.endswith((".json", ".yml")):
                continue
            parts = name.split(".")
            known = max(n for n in range(1, len(parts) + 1) if ".".join(parts[:n]) in MODULES_HERE)
            found = importlib.import_module(".".join(parts[:known]))
            assert known == len(parts) or hasattr(found, parts[known]), name


def test_every_command_has_its_folder() -> None:
    """One line of app.py and one folder, which holds a command.py."""
    named = {f"commands/{place.partition('.')[0]}" for place in app.COMMANDS.values()}
    assert named == COMMANDS
    for name, place in app.COMMANDS.items():
        module, _, function = place.rpartition(".")
        found = importlib.import_module(f"archbench.commands.{module}")
        assert callable(getattr(found, function)), name


def test_every_architecture_file_has_a_row_and_every_row_a_file() -> None:
    """Names are unique and lower case."""
    files = {path.stem for path in (PACKAGE / "networks" / "archs").glob("*.py")} - {"__init__"}
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


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda p: p.stem)
def test_every_test_says_what_it_holds(path: Path) -> None:
    """In one sentence or more."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_field_has_its_sentence_beside_it(path: Path) -> None:
    """A record's docstring lists no fields: `#:` behind or above a field is what documents it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef) and "Args:\n" in (ast.get_docstring(node) or ""):
            fields = {
                item.target.id
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            }
            listed = set(re.findall(r"^ +(\w+):", ast.get_docstring(node) or "", re.MULTILINE))
            assert not fields & listed, f"{node.name} lists {sorted(fields & listed)}"
