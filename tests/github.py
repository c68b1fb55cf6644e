"""A GitHub runner, as far as the shell steps of a job go."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.repository import ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}

Done = subprocess.CompletedProcess[str]
OWN = ("GITHUB_", "RUNNER_", "PYTEST", "PYTHON", "VIRTUAL_ENV", "CONDA", "PIP_", "UV_", "POETRY_")


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    settings += ["-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Runner:
    """One job's runner.

    Args:
        home: a folder of its own.
        workspace: where the repository is checked out.
        variables: of its environment, beside those that GitHub sets.
    """

    def __init__(
        self, home: Path, workspace: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self.home = home
        self.workspace = workspace
        self.variables = dict(variables or {})
        self.temp = home / "temp"
        self.tools = home / "tools"
        self.summary = home / "summary.md"
        self.temp.mkdir(parents=True, exist_ok=True)
        self.tools.mkdir(exist_ok=True)
        # as after actions/setup-python; the tests' own environment is not to be found
        self.tool("python", f'exec {sys._base_executable} "$@"')

    def tool(self, name: str, line: str) -> None:
        """Put a command in front of the system's commands."""
        (self.tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.tools / name).chmod(0o755)

    def shell(
        self, script: str, folder: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> Done:
        """Run a script as GitHub runs `shell: bash`."""
        path = self.home / "step.sh"
        path.write_text(script)
        tests = str(Path(sys.executable).parent)
        places = [p for p in os.environ["PATH"].split(os.pathsep) if p != tests]
        given = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
        given |= {
            "PATH": os.pathsep.join([str(self.tools), *places]),
            "HOME": str(self.home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(self.home / "output"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)],
            cwd=folder or self.workspace,
            env={**given, **self.variables, **(variables or {})},
            capture_output=True,
            text=True,
        )

    def job(self, workflow: Path, name: str, skip: str = "") -> Iterator[tuple[str, Done]]:
        """Run the shell steps of a job, up to the first that fails: (name, what it did).

        Args:
            workflow: the file.
            name: of the job.
            skip: a step that was run before.
        """
        document = yaml.safe_load(workflow.read_text(encoding="utf-8"))
        default = document["defaults"]["run"]
        assert default["shell"] == "bash"
        for step in document["jobs"][name]["steps"]:
            if "run" not in step or step["name"] == skip:
                continue
            assert "${{" not in step["run"]
            folder = self.workspace / default["working-directory"]
            done = self.shell(step["run"], folder, document.get("env"))
            yield step["name"], done
            if done.returncode:
                return


def action_variables(step: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one of the action's steps as GitHub sets it.

    Args:
        step: of action.yml.
        given: inputs by their names, and what else is known of the event, as "github.event.before".
    """
    known = {f"inputs.{name}": str(one["default"]) for name, one in ACTION["inputs"].items()}
    known |= {name if "." in name else f"inputs.{name}": text for name, text in given.items()}
    return {name: _expanded(text, known) for name, text in step["env"].items()}


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """Expand an expression: the first of its alternatives that is not empty."""
    found = re.fullmatch(r"\${{ ([a-z_.| -]+) }}", text)
    assert found is not None, text
    names = found.group(1).split(" || ")
    assert all(name in known or name.startswith(("github.", "steps.")) for name in names), text
    return next((known[name] for name in names if known.get(name)), "")
