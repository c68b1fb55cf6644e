"""A GitHub runner, as far as the shell steps of a job go."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Done = subprocess.CompletedProcess[str]
OWN = ("GITHUB_", "RUNNER_", "PYTEST", "PYTHON", "VIRTUAL_ENV", "CONDA", "PIP_", "UV_", "POETRY_")


def git(folder: Path, *words: str) -> str:
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    settings += ["-c", "protocol.file.allow=always"]
    done = subprocess.run(
        ["git", *settings, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass
class Runner:
    """One job's runner.

    Args:
        home: a folder of its own.
        workspace: where the repository is checked out.
        variables: of its environment, beside those that GitHub sets.
        known: what expressions stand for.
    """

    home: Path
    workspace: Path
    variables: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.temp = self.home / "temp"
        self.tools = self.home / "tools"
        self.summary = self.home / "summary.md"
        self.temp.mkdir(parents=True, exist_ok=True)
        self.tools.mkdir(exist_ok=True)
        # as after actions/setup-python; a test's own environment is not to be found
        self.tool("python", f'exec {sys._base_executable} "$@"')

    def tool(self, name: str, line: str) -> None:
        """Put a command in front of those that are there."""
        (self.tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.tools / name).chmod(0o755)

    def shell(self, script: str, folder: Path, variables: Mapping[str, str]) -> Done:
        """Run a script as GitHub runs `shell: bash`."""
        path = self.home / "step.sh"
        path.write_text(script)
        without = str(Path(sys.executable).parent)
        places = [p for p in os.environ["PATH"].split(os.pathsep) if p != without]
        given = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
        given |= {
            "PATH": os.pathsep.join([str(self.tools), *places]),
            "HOME": str(self.home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": str(self.home / "output"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)],
            cwd=folder,
            env={**given, **self.variables, **variables},
            capture_output=True,
            text=True,
        )

    def expanded(self, text: str) -> str:
        """Put in what the runner knows."""
        return re.sub(r"\${{ (\S+) }}", lambda found: self.known[found[1]], text)

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
            done = self.shell(step["run"], folder, document.get("env", {}))
            yield step["name"], done
            if done.returncode:
                return


def uploads(workflow: Path, job: str, known: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the inputs of a job's uploads, as one runner knows them."""
    runner = {f"${{{{ {name} }}}}": text for name, text in known.items()}
    steps = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"][job]["steps"]
    found = [dict(s["with"]) for s in steps if "upload-artifact" in s.get("uses", "")]
    for inputs in found:
        for key, value in inputs.items():
            for expression, text in runner.items():
                value = value.replace(expression, text)
            inputs[key] = value
    return found
