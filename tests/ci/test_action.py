"""action.yml: its shell steps in a plain shell, with the variables that GitHub sets."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from archbench.app import run
from tests.gates.structure.test_check import CELLS, NET
from tests.github import STEPS, Done, Runner, action_variables, git
from tests.repository import ROOT
from tests.systems import needs_posix

pytestmark = needs_posix("a shell runs the action's scripts, and some that stand in for tools")

INPUTS, INSTALL = "Read the inputs", "Install archbench"
STRUCTURE, TIME = "Hold the structure to the lock", "Time head beside base"

Step = Callable[..., Done]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit: a network, its cell and its lock."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    (folder / "archbench.toml").write_text(CELLS)
    git(folder, "init", "-q", "-b", "main")
    monkeypatch.chdir(folder)
    assert run(["lock"]) == 0
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def step(repository: Path, tmp_path: Path) -> Step:
    """Run one of the action's steps as GitHub would."""
    runner = Runner(tmp_path, repository, {"PYTHONPATH": str(ROOT)})
    runner.tool("archbench", f'exec {sys.executable} -m archbench "$@"')

    def ran(name: str, /, event: Mapping[str, str] = {}, **inputs: str) -> Done:
        given = {key.replace("_", "-"): value for key, value in inputs.items()}
        given |= {f"github.{key}": value for key, value in event.items()}
        step = STEPS[name]
        return runner.shell(step["run"], variables=action_variables(step, given))

    return ran


def widen(repository: Path, width: int) -> None:
    path = repository / "net.py"
    path.write_text(path.read_text().replace("width=8", f"width={width}"))


def summary(tmp_path: Path) -> str:
    return (tmp_path / "summary.md").read_text()


def test_no_change_passes(step: Step, tmp_path: Path) -> None:
    """Exit code 0, a summary, no annotation."""
    done = step(STRUCTURE)
    assert done.returncode == 0, done.stderr
    assert "1 ok" in summary(tmp_path)
    assert "::error" not in done.stdout + done.stderr


def test_a_regression_fails_and_is_annotated(step: Step, repository: Path, tmp_path: Path) -> None:
    """Exit code 1, with the figures that grew, and the command that accepts them."""
    widen(repository, 16)
    done = step(STRUCTURE, junit="out")
    assert done.returncode == 1
    assert "::error title=archbench%3A small regressed::params 1,482 -> " in done.stderr
    assert "1 regressed" in summary(tmp_path)
    assert "archbench lock --update --reason" in summary(tmp_path)
    assert "<failure" in (repository / "out" / "structure.xml").read_text()


def test_an_improvement_passes(step: Step, repository: Path, tmp_path: Path) -> None:
    """Exit code 0, and it is said."""
    widen(repository, 4)
    done = step(STRUCTURE)
    assert done.returncode == 0
    assert "1 improved" in summary(tmp_path)
    assert "::error" not in done.stderr


def test_cells_and_options_are_passed_on(step: Step, repository: Path) -> None:
    """Growth that is allowed passes; a cell that is not there is refused."""
    widen(repository, 9)
    allowed = "--allow params:+50% --allow trainable_params:+50% --allow macs:+50%"
    more = "--allow activations:+50% --allow weight_bytes:+50% --allow peak_activation_bytes:+50%"
    assert step(STRUCTURE, cells="small", structure_arguments=f"{allowed} {more}").returncode == 0
    assert step(STRUCTURE, cells="small none").returncode == 2


def test_what_inputs_hold_is_never_run(step: Step, repository: Path) -> None:
    """An input is a word, whatever it looks like."""
    done = step(STRUCTURE, cells="$(touch${IFS}pwned) ;touch pwned")
    assert done.returncode == 2
    assert not (repository / "pwned").exists()


@pytest.fixture
def told(tmp_path: Path, step: Step) -> Callable[[], list[str]]:
    """Let `archbench` only say what it was asked."""
    asked = tmp_path / "asked"
    (tmp_path / "tools" / "archbench").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {asked}\n')
    return lambda: asked.read_text().splitlines()


def test_time_is_asked_for_beside_base(
    step: Step, repository: Path, told: Callable[[], list[str]]
) -> None:
    """With every input in its place."""
    base = git(repository, "rev-parse", "HEAD")
    done = step(TIME, base=base, cells="a b", setup="make it so", strict="true", max_time="60")
    assert done.returncode == 0, done.stderr
    words = told()
    assert words[:7] == [*("check", "--time", "--base", base, "--max-time", "60", "--record")]
    assert words[-6:] == ["--strict", "--setup", "make it so", "--", "a", "b"]


def test_a_shallow_checkout_fetches_base(
    step: Step, repository: Path, tmp_path: Path, told: Callable[[], list[str]]
) -> None:
    """actions/checkout takes one commit only, unless it is told otherwise."""
    base = git(repository, "rev-parse", "HEAD")
    widen(repository, 9)
    git(repository, "commit", "-qam", "second")
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository), str(origin))
    git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
    for path in (".git", "net.py", "archbench.toml", "archbench.lock.json"):
        subprocess.run(["rm", "-rf", str(repository / path)], check=True)
    git(repository, "clone", "-q", "--depth=1", f"file://{origin}", ".")
    assert step(TIME, base=base).returncode == 0
    assert git(repository, "rev-parse", base) == base
    assert told()[3] == base


@pytest.mark.parametrize("event", [{}, {"event.before": "0" * 40}])
def test_no_base_is_said(
    step: Step, told: Callable[[], list[str]], event: Mapping[str, str]
) -> None:
    """As on a push to a new branch, whose former commit is all zeros."""
    done = step(TIME, event)
    assert done.returncode == 2
    assert "::error title=archbench::there is no commit that head goes onto" in done.stdout


def test_a_base_that_cannot_be_had_is_said(step: Step, told: Callable[[], list[str]]) -> None:
    """A shallow checkout without a way to fetch more."""
    done = step(TIME, base="1" * 40)
    assert done.returncode == 2
    assert "fetch-depth: 0" in done.stdout


def test_base_is_what_a_pull_request_is_merged_into(
    step: Step, repository: Path, told: Callable[[], list[str]]
) -> None:
    """The merge that GitHub makes is onto the target as it is; the event may know an older one."""
    old = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-qb", "feature")
    widen(repository, 9)
    git(repository, "commit", "-qam", "proposed")
    proposed = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "merged meanwhile")
    target = git(repository, "rev-parse", "HEAD")
    git(repository, "merge", "-q", "--no-ff", "-m", "Merge\n\nparent of it all", "feature")
    event = {"event.pull_request.base.sha": old, "event.pull_request.head.sha": proposed}
    assert step(TIME, event).returncode == 0
    assert told()[3] == target
    git(repository, "checkout", "-q", "feature")  # as where a workflow checks out head itself
    assert step(TIME, event).returncode == 0
    assert told()[3] == old


@pytest.mark.parametrize(
    "event",
    [{"event.merge_group.base_sha": "HEAD"}, {"event.before": "HEAD"}],
    ids=["queue", "push"],
)
def test_base_of_other_events(
    step: Step, repository: Path, told: Callable[[], list[str]], event: dict[str, str]
) -> None:
    """A merge queue and a push have one too."""
    assert step(TIME, event).returncode == 0
    assert told()[3] == "HEAD"


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"gate": "speed"}, "gate is 'speed'; it is structure, time or both"),
        ({"gate": "time "}, "gate is 'time '"),
        ({"strict": "yes"}, "strict is 'yes'; it is true or false"),
    ],
)
def test_other_inputs_are_refused(step: Step, inputs: dict[str, str], said: str) -> None:
    """A gate that is not there would pass."""
    done = step(INPUTS, **inputs)
    assert done.returncode == 2
    assert f"::error title=archbench::{said}" in done.stdout
    assert step(INPUTS, gate="both", strict="true").returncode == 0


def test_cells_may_stand_on_lines(step: Step, told: Callable[[], list[str]]) -> None:
    """As YAML's | writes a list."""
    assert step(STRUCTURE, cells="a\n  b c\n", structure_arguments="--allow x\n").returncode == 0
    assert told()[-6:] == ["--allow", "x", "--", "a", "b", "c"]


def test_an_archbench_that_is_installed_is_taken(step: Step, told: Callable[[], list[str]]) -> None:
    """And nothing is downloaded."""
    assert step(INSTALL, requirement="installed").returncode == 0
    assert told() == ["--version"]


def test_a_cell_is_no_option(step: Step, repository: Path) -> None:
    """Neither gate takes a word of `cells` for one, as --setup, which runs a command."""
    for name in (STRUCTURE, TIME):
        done = step(name, base="HEAD", cells="--setup touch${IFS}pwned --junit=out.xml")
        assert done.returncode == 2
        assert "'--setup'" in done.stderr
    assert not list(repository.glob("*pwned*")) + list(repository.glob("out.xml"))


@pytest.mark.parametrize(
    "base", ["--upload-pack=touch pwned;false", "-x", "main:other", "+main", "a b", "a\nb"]
)
def test_a_base_is_no_option_and_no_refspec(step: Step, repository: Path, base: str) -> None:
    """Such a base is refused before git sees it."""
    git(repository, "remote", "add", "origin", str(repository))
    done = step(INPUTS, base=base)
    assert done.returncode == 2
    assert "it is a commit, a branch or a tag" in done.stdout
    assert not (repository / "pwned").exists()


def test_git_takes_no_base_for_an_option(
    step: Step, repository: Path, told: Callable[[], list[str]]
) -> None:
    """Even if nothing was refused before."""
    git(repository, "remote", "add", "origin", str(repository))
    assert step(TIME, base="--upload-pack=touch pwned;false").returncode == 2
    assert not (repository / "pwned").exists()


@pytest.mark.parametrize("base", ["HEAD^1", "v1.0", "feature/a-b", "HEAD~2", "refs/tags/v1"])
def test_other_bases_are_taken(step: Step, base: str) -> None:
    """Names of commits, branches and tags."""
    assert step(INPUTS, base=base).returncode == 0


@pytest.mark.parametrize(
    "inputs", [{"gate": "x\n::warning::injected"}, {"base": "x\r\n::warning::injected"}]
)
def test_no_input_is_a_command_to_github(step: Step, inputs: dict[str, str]) -> None:
    """A line end is escaped, as GitHub Docs, Workflow commands, says: %0A."""
    done = step(INPUTS, **inputs)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 1
    assert "%0A::warning::injected" in done.stdout


def test_a_requirement_is_no_option(step: Step) -> None:
    """An option such as --index-url would be one of uv's."""
    done = step(INPUTS, requirement="--index-url=https://host.org")
    assert done.returncode == 2
    assert "it is a package, a URL or a path" in done.stdout


@pytest.mark.parametrize(
    ("event", "head", "code"),
    [
        ("pull_request_target", "fork/nets", 2),
        ("pull_request_target", "", 2),  # the fork is gone
        ("pull_request_target", "own/nets", 0),
        ("pull_request", "fork/nets", 0),
    ],
)
def test_a_forks_code_gets_no_rights(step: Step, event: str, head: str, code: int) -> None:
    """pull_request_target would give it this repository's secrets."""
    known = {"event_name": event, "repository": "own/nets"}
    done = step(INPUTS, {**known, "event.pull_request.head.repo.full_name": head})
    assert done.returncode == code
    assert ("use pull_request" in done.stdout) == (code == 2)


def test_a_branch_is_known_as_origins(
    step: Step, repository: Path, tmp_path: Path, told: Callable[[], list[str]]
) -> None:
    """actions/checkout makes no local branch of a target; and nothing becomes shallow."""
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-qb", "feature")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "clone", "-q", "--bare", str(repository), "origin.git")
    git(repository, "remote", "add", "origin", f"file://{tmp_path}/origin.git")
    git(repository, "fetch", "-q", "origin")
    git(repository, "branch", "-qD", "main")
    assert step(TIME, base="main").returncode == 0
    assert told()[3] == base
    assert git(repository, "rev-parse", "--is-shallow-repository") == "false"


def test_a_branch_that_is_not_here_is_fetched(
    step: Step, repository: Path, tmp_path: Path, told: Callable[[], list[str]]
) -> None:
    """A checkout of one commit has no other branch."""
    base = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-qb", "feature")
    git(tmp_path, "clone", "-q", "--bare", str(repository), "origin.git")
    git(repository, "remote", "add", "origin", f"file://{tmp_path}/origin.git")
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(repository, "branch", "-qD", "main")
    assert step(TIME, base="main").returncode == 0
    assert told()[3] == base


def test_no_python_is_said(step: Step, tmp_path: Path) -> None:
    """With the input that helps."""
    for name in ("python", "python3"):
        (tmp_path / "tools" / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "tools" / name).chmod(0o755)
    done = step(INSTALL)
    assert done.returncode == 2
    assert "no Python 3.11 or newer is here; 'python-version'" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("layers", "code"), [(6, 0), (9, 1), (4, 0)])
def test_time_in_a_pull_request(
    layers: int, code: int, step: Step, repository: Path, tmp_path: Path
) -> None:
    """The same network, one with half as many layers again, and one with fewer: for real."""
    net = (
        "from torch import nn\n\n\ndef small():\n"
        "    return nn.Sequential(*[nn.Conv2d(16, 16, 3, padding=1) for _ in range({})])\n"
    )
    (repository / "archbench.toml").write_text(
        '[[cells]]\nname = "small"\nmodel = "net.py:small"\ninput_size = "16x64x64"\n'
    )
    (repository / "net.py").write_text(net.format(6))
    git(repository, "commit", "-qam", "a network of six layers")
    base = git(repository, "rev-parse", "HEAD")
    (repository / "net.py").write_text(net.format(layers))
    done = step(TIME, base=base, junit="out")
    assert done.returncode == code, done.stdout + done.stderr
    word = {6: "ok", 9: "regressed", 4: "improved"}[layers]
    assert f"1 {word}" in summary(tmp_path)
    assert ("::error title=archbench%3A small regressed::" in done.stderr) == (code == 1)
