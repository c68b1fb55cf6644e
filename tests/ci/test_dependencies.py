"""Which file of a project says what it depends on, and what is said where none does."""

import json
from collections.abc import Mapping
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from archbench.ci.dependencies import EXPORTED, Dependencies, find_dependencies
from archbench.ci.install import install_lines, main
from archbench.ci.own_code import own_packages

BACKEND = '[build-system]\nrequires = []\nbuild-backend = "{}"\n'
POETRY = '[tool.poetry]\nname = "x"\n[tool.poetry.dependencies]\npython = "^3.11"\n'
POETRY_BUILDS = POETRY + BACKEND.format("poetry.core.masonry.api")
LISTED = '[project]\nname = "x"\ndependencies = ["six"]\n'
BARE = '[project]\nname = "x"\n'
REQUIRED = {"requirements.txt": "six\n"}
SETUP = {"setup.py": ""}


def found(folder: Path, files: Mapping[str, str], top: Path | None = None) -> Dependencies:
    """Put files into a folder, and look at them."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return find_dependencies(folder, top or folder)


def shared(text: str) -> dict[str, str]:
    return {"pyproject.toml": text}


@pytest.mark.parametrize(
    ("files", "source", "arguments"),
    [
        ({"uv.lock": "", **shared(LISTED), **REQUIRED}, "uv.lock", f"-r {EXPORTED}"),
        ({"poetry.lock": "", **shared(POETRY)}, "poetry.lock", f"-r {EXPORTED}"),
        ({"poetry.lock": "", **shared(LISTED)}, "poetry.lock", f"-r {EXPORTED}"),
        ({**shared(LISTED), **REQUIRED, **SETUP}, "pyproject.toml", "-r pyproject.toml"),
        (shared(f'{BARE}dynamic = ["dependencies"]\n'), "pyproject.toml", "-r pyproject.toml"),
        (shared(POETRY_BUILDS), "pyproject.toml", "-r pyproject.toml"),
        ({**shared(BARE), **REQUIRED}, "requirements.txt", "-r requirements.txt"),
        ({**shared("[tool.ruff]\n"), **REQUIRED, **SETUP}, "requirements.txt", None),
        ({"requirements-cpu.txt": ""}, "requirements-cpu.txt", None),
        ({"requirements-dev.txt": "", **REQUIRED}, "requirements.txt", None),
        ({**shared("[tool.ruff]\n"), **SETUP}, "setup.py", "-r setup.py"),
        (shared(BACKEND.format("flit_core.buildapi")), "pyproject.toml", None),
        (shared(BARE), "pyproject.toml", "-r pyproject.toml"),
    ],
)
def test_the_first_file_that_lists_them_is_taken(
    files: Mapping[str, str], source: str, arguments: str | None, tmp_path: Path
) -> None:
    """A lock before what it was made from, dependencies before what a build may tell."""
    one = found(tmp_path, files)
    assert (one.source, one.unknown) == (source, "")
    assert one.arguments == (arguments or f"-r {source}")
    assert bool(one.before) == source.endswith(".lock")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no file lists them"),
        (shared("[tool.ruff]\n"), "no file lists them"),
        ({"Pipfile": "", "environment.yml": ""}, "Pipfile and environment.yml cannot be read"),
        ({"requirements/base.txt": ""}, "requirements cannot be read"),
        (
            {"requirements-a.txt": "", "requirements-b.txt": "", "requirements-c.txt": ""},
            "there are requirements-a.txt, requirements-b.txt and requirements-c.txt",
        ),
        (shared(POETRY), "[tool.poetry] can be read only with the file of `poetry lock`"),
        (
            shared(POETRY_BUILDS.replace('name = "x"', "package-mode = false")),
            "[tool.poetry] can be read only with the file of `poetry lock`",
        ),
    ],
)
def test_what_cannot_be_told_is_said(files: Mapping[str, str], why: str, tmp_path: Path) -> None:
    """With the reason; archbench alone is installed, and a comment stands where they belong."""
    one = found(tmp_path, files)
    assert (one.unknown, one.source, one.arguments) == (why, "", "")
    lines = install_lines(one)
    assert any(line.startswith("# ") and why in line for line in lines)
    assert 'uv pip install --torch-backend cpu "$REQUIREMENT"' in lines


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    """Extras, groups, and files that may list more."""
    text = (
        f"{LISTED}[project.optional-dependencies]\nplots = []\nfast = []\n"
        "[dependency-groups]\ndev = []\n"
    )
    assert found(tmp_path, {**shared(text), **REQUIRED}).notes == (
        "not installed: the extras plots and fast",
        "not installed: the group dev",
        "not installed: the file requirements.txt",
    )


def test_no_name_is_a_command(tmp_path: Path) -> None:
    """Names of files go into a shell and into YAML, names of extras onto a job's log."""
    for name in (
        "requirements-a\ntouch x\n.txt",
        "requirements-${{ x }}.txt",
        "requirements-$(x).txt",
    ):
        (tmp_path / name).write_text("")
    assert found(tmp_path, {}).unknown == "no file lists them"
    text = f'{LISTED}[project.optional-dependencies]\n"a\\n::error::b\\u001b[31m" = []\n'
    (note,) = found(tmp_path, shared(text)).notes
    assert note == "not installed: the extra a?::error::b?[31m"


def test_a_lock_of_a_workspace_belongs_to_its_members(tmp_path: Path) -> None:
    """A package that the lock above does not hold goes by its own files."""
    lock = '[[package]]\nname = "a"\nversion = "1"\nsource = { editable = "pkgs/a" }\n'
    (tmp_path / "uv.lock").write_text(lock)
    member, other = tmp_path / "pkgs" / "a", tmp_path / "pkgs" / "b"
    assert found(member, shared(LISTED), tmp_path).source == "../../uv.lock"
    assert found(other, shared(LISTED), tmp_path).source == "pyproject.toml"
    assert found(member, {}, member).source == "pyproject.toml"  # beyond the repository


@pytest.mark.parametrize(
    "text", ['project = "x"\n', "tool = 3\n", "[tool]\npoetry = []\n", "[build-system]\n"]
)
def test_tables_of_another_form_are_no_tables(text: str, tmp_path: Path) -> None:
    """Such tables list nothing. The installer that reads them next names the mistake."""
    found(tmp_path, shared(text))


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock"])
def test_a_file_that_is_not_toml_is_named(name: str, tmp_path: Path) -> None:
    """Not taken for an empty one."""
    with pytest.raises(ValueError, match=f"'{name}' is not TOML: "):
        found(tmp_path, {name: "= x\n"})


def test_the_action_says_what_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A notice on the pull request's page says so. A mistake in a file is an error, in one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INSTALL", raising=False)
    main()
    said = "::notice title=archbench::what the project depends on is not known (no file lists them)"
    assert capsys.readouterr().err == (
        f"{said}; the input 'install' takes a command that installs it\n"
    )
    (tmp_path / "pyproject.toml").write_text("= 100 %\n")
    with pytest.raises(SystemExit) as caught:
        main()
    assert str(caught.value).startswith("::error title=archbench::'pyproject.toml' is not TOML: ")


def distribution(folder: Path, name: str, origin: object) -> PathDistribution:
    """Return an installed package, with its direct_url.json of PEP 610."""
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    return PathDistribution(info)


def test_what_lies_in_the_repository_is_its_own(tmp_path: Path) -> None:
    """Folders of it, editable or not; no wheel, nothing of elsewhere, and not archbench."""
    top, site = tmp_path / "top", tmp_path / "site"
    site.mkdir()
    inside, outside = (top / "pkgs" / "a b").as_uri(), (tmp_path / "top2").as_uri()
    made = [
        distribution(site, "mine", {"url": top.as_uri(), "dir_info": {"editable": True}}),
        distribution(site, "sibling", {"url": inside, "dir_info": {}}),
        distribution(site, "other", {"url": outside, "dir_info": {}}),
        distribution(site, "built", {"url": f"{inside}/x.whl", "archive_info": {}}),
        distribution(site, "six", None),
        distribution(site, "archbench", {"url": top.as_uri(), "dir_info": {}}),
    ]
    assert own_packages(top, made) == ["mine", "sibling"]
