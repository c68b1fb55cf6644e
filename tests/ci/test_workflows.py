"""The workflow files and the action are what GitHub takes them for, and safe as far as is known."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from archbench.app import run
from tests.repository import ROOT

BIN = Path(sys.executable).parent
WORKFLOW = Path(".github/workflows/archbench.yml")
PINS = {"*": "hash-pin", "OWNER/archbench": "ref-pin"}
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(params=["own", "init-ci", "docs"])
def workflows(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """This repository's own workflows, what init-ci writes, and what docs/ci.md says to paste."""
    if request.param == "own":
        return OWN
    monkeypatch.chdir(tmp_path)
    path = tmp_path / WORKFLOW
    if request.param == "init-ci":
        subprocess.run(["git", "init", "-q", "."], check=True)
        assert run(["init-ci", "resnet20", "--github", "--requirement", "archbench==0.1.0"]) == 0
        return [path]
    text = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    pasted = re.findall(r"```yaml\n(name:.*?)```", text, re.DOTALL)
    path.parent.mkdir(parents=True)
    paths = [path.with_name(f"{number}.yml") for number in range(len(pasted))]
    for place, written in zip(paths, pasted, strict=True):
        place.write_text(written)
    return paths


def test_workflows_fit_the_schema(workflows: list[Path]) -> None:
    """SchemaStore's, which editors use, as check-jsonschema brings it."""
    assert workflows
    schema = ["--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run(
        [BIN / "check-jsonschema", *schema, *workflows], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_workflows_are_safe(workflows: list[Path], tmp_path: Path) -> None:
    """No template is expanded in a script, no token kept, no right too many, no action unpinned.

    But archbench's own, for which the page has a placeholder.
    """
    settings = {"rules": {"unpinned-uses": {"config": {"policies": PINS}}}}
    config = tmp_path / "zizmor.yml"
    config.write_text(json.dumps(settings))
    words = ["--offline", "--no-progress", "--color=never", "--config", config, *workflows]
    done = subprocess.run([BIN / "zizmor", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_fits_the_schema_and_is_safe() -> None:
    """The same for action.yml."""
    schema = ["--builtin-schema", "vendor.github-actions"]
    for command in (["check-jsonschema", *schema], ["zizmor", "--offline", "--color=never"]):
        words = [BIN / command[0], *command[1:], ROOT / "action.yml"]
        done = subprocess.run(words, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_repository_uses_its_own_action() -> None:
    """With inputs that the action has."""
    assert any("uses: ./ " in path.read_text(encoding="utf-8") for path in OWN)
