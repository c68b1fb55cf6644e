"""The source of archbench for CI, by each kind of PEP 610's direct_url.json, and without one."""

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from archbench.commands.init_ci import origin
from archbench.commands.init_ci.origin import https_url, origin_of_archbench
from archbench.errors import ArchbenchError
from tests.github import git

Captured = pytest.CaptureFixture[str]
Came = Callable[..., None]
COMMIT = "0123456789" * 4


class Installed:
    """An installation of archbench, whose direct_url.json is made up."""

    version = "1.2.3"

    def __init__(self, url: object) -> None:
        self._url = url

    def read_text(self, name: str) -> str | None:
        """Return the file; None if the installation has none."""
        assert name == "direct_url.json"
        return None if self._url is None else json.dumps(self._url)


@pytest.fixture
def came(monkeypatch: pytest.MonkeyPatch) -> Came:
    """Let the running archbench have come from somewhere else."""

    def from_there(url: str, **info: object) -> None:
        found = Installed({"url": url, **info} if url else None)
        monkeypatch.setattr(origin, "distribution", lambda name: found)

    return from_there


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The user's own repository."""
    folder = tmp_path / "mine"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of archbench's repository elsewhere, whose one commit its remote has."""
    remote, folder = tmp_path / "remote.git", tmp_path / "archbench"
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(remote))
    git(tmp_path, "clone", "-q", str(remote), str(folder))
    (folder / "pyproject.toml").write_text("")
    git(folder, "checkout", "-qb", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    git(folder, "push", "-q", "origin", "main")
    git(folder, "remote", "set-url", "origin", "git@github.com:owner/archbench.git")
    return folder


def refused(mine: Path) -> str:
    """Return why it is not known where archbench came from."""
    with pytest.raises(ArchbenchError) as caught:
        origin_of_archbench(mine, mine)
    assert "--requirement" in caught.value.hint
    return caught.value.message


def test_an_index_gives_a_release(came: Came, mine: Path) -> None:
    """Pip writes no direct_url.json then."""
    came("")
    assert origin_of_archbench(mine, mine) == "archbench==1.2.3"


def test_a_repository_gives_a_commit(came: Came, mine: Path) -> None:
    """The https URL without user and password, and with the folder of the repository."""
    info = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}
    came("https://me:secret@host.org/o/archbench.git", vcs_info=info)
    there = f"archbench @ git+https://host.org/o/archbench.git@{COMMIT}"
    assert origin_of_archbench(mine, mine) == there
    came("ssh://git@host.org/o/archbench.git", vcs_info=info, subdirectory="a/b")
    assert origin_of_archbench(mine, mine) == f"{there}#subdirectory=a/b"
    came("ssh://git@work/o/archbench.git", vcs_info=info)
    assert "which CI may not be able to read" in refused(mine)


def test_a_local_repository_gives_what_its_remote_has(came: Came, mine: Path, clone: Path) -> None:
    """`pip install git+file:///...` of a commit that was pushed, and of one that was not."""
    commit = git(clone, "rev-parse", "HEAD")
    came(clone.as_uri(), vcs_info={"vcs": "git", "commit_id": commit})
    there = f"archbench @ git+https://github.com/owner/archbench.git@{commit}"
    assert origin_of_archbench(mine, mine) == there
    git(clone, "commit", "-q", "--allow-empty", "-m", "second")
    late = git(clone, "rev-parse", "HEAD")
    came(clone.as_uri(), vcs_info={"vcs": "git", "commit_id": late})
    assert f"commit {late[:10]} of '{clone}' was not pushed" in refused(mine)


@pytest.mark.parametrize("info", [{"editable": True}, {}])
def test_a_checkout_that_was_pushed_gives_its_commit(
    came: Came, mine: Path, clone: Path, info: dict[str, bool]
) -> None:
    """The https form of its remote, and the folder of it that archbench lies in."""
    commit = git(clone, "rev-parse", "HEAD")
    came(clone.as_uri(), dir_info=info)
    there = f"archbench @ git+https://github.com/owner/archbench.git@{commit}"
    assert origin_of_archbench(mine, mine) == there
    (clone / "tools").mkdir()
    came((clone / "tools").as_uri(), dir_info=info)
    assert origin_of_archbench(mine, mine) == f"{there}#subdirectory=tools"


def test_a_hook_of_git_asks_about_the_checkout_itself(
    came: Came, mine: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook has the user's repository in its environment, which must not stand for archbench's."""
    commit = git(clone, "rev-parse", "HEAD")
    came(clone.as_uri(), dir_info={})
    monkeypatch.setenv("GIT_DIR", str(mine / ".git"))
    there = f"archbench @ git+https://github.com/owner/archbench.git@{commit}"
    assert origin_of_archbench(mine, mine) == there


def test_a_remote_is_taken_that_has_the_commit(came: Came, mine: Path, clone: Path) -> None:
    """Not the first one, if that is behind."""
    git(clone, "commit", "-q", "--allow-empty", "-m", "second")
    commit = git(clone, "rev-parse", "HEAD")
    git(clone, "remote", "add", "fork", "https://token@host.org/me/archbench")
    git(clone, "update-ref", "refs/remotes/fork/main", commit)
    came(clone.as_uri(), dir_info={})
    there = f"archbench @ git+https://host.org/me/archbench@{commit}"
    assert origin_of_archbench(mine, mine) == there


def test_another_checkout_is_refused(came: Came, mine: Path, clone: Path) -> None:
    """With changes, without an https remote, without a remote, without a commit, and no clone."""
    came(clone.as_uri(), dir_info={"editable": True})
    (clone / "pyproject.toml").write_text("# mine\n")
    assert f"the checkout '{clone}' has changes that are not committed" in refused(mine)
    git(clone, "checkout", "-q", ".")
    git(clone, "remote", "set-url", "origin", "/srv/archbench.git")
    assert f"no remote of '{clone}' has an https URL" in refused(mine)
    git(clone, "remote", "remove", "origin")
    assert f"the repository of '{clone}' has no remote" in refused(mine)
    fresh = clone.parent / "fresh"
    git(clone.parent, "init", "-q", str(fresh))
    came(fresh.as_uri(), dir_info={})
    assert f"the repository of '{fresh}' has no commit" in refused(mine)
    plain = clone.parent / "plain"
    plain.mkdir()
    came(plain.as_uri(), dir_info={})
    assert f"it was installed from '{plain}', which is in no git repository" in refused(mine)


def test_a_folder_of_the_users_repository_gives_its_path(came: Came, mine: Path) -> None:
    """The path starts in the project's folder, where the workflow's steps run."""
    vendored, project = mine / "vendor" / "arch bench", mine / "pkgs" / "a"
    vendored.mkdir(parents=True)
    project.mkdir(parents=True)
    came(vendored.as_uri(), dir_info={"editable": True})
    assert origin_of_archbench(mine, mine) == "./vendor/arch bench"
    assert origin_of_archbench(project, mine) == "../../vendor/arch bench"
    came(mine.as_uri(), dir_info={"editable": True})
    assert origin_of_archbench(mine, mine) == "."


def test_a_folder_that_git_does_not_keep_is_refused(came: Came, mine: Path) -> None:
    """An ignored one, and a clone of its own, are not in CI's checkout."""
    (mine / ".gitignore").write_text("vendor/\n")
    (mine / "vendor").mkdir()
    came((mine / "vendor").as_uri(), dir_info={})
    assert f"it was installed from '{mine}/vendor', which git ignores" in refused(mine)
    git(mine, "init", "-q", "inner")
    came((mine / "inner").as_uri(), dir_info={})
    assert "has no commit" in refused(mine)


def test_an_archive_gives_its_url_and_its_hash(came: Came, mine: Path) -> None:
    """Installers write the hash in two forms, or leave it out."""
    url = "https://me:secret@host.org/archbench-1.2.3-py3-none-any.whl"
    there = "archbench @ https://host.org/archbench-1.2.3-py3-none-any.whl"
    came(url, archive_info={"hashes": {"sha256": "ab"}, "hash": "sha256=ab"})
    assert origin_of_archbench(mine, mine) == f"{there}#sha256=ab"
    came(url, archive_info={"hash": "sha256=ab"})
    assert origin_of_archbench(mine, mine) == f"{there}#sha256=ab"
    came(url, archive_info={})
    assert origin_of_archbench(mine, mine) == there
    came("ftp://host.org/archbench.whl", archive_info={})
    assert "it was installed from 'ftp://host.org/archbench.whl'" in refused(mine)


def test_a_file_gives_its_path_or_is_refused(came: Came, mine: Path, tmp_path: Path) -> None:
    """CI has only what the repository holds."""
    (mine / "wheels").mkdir()
    file = mine / "wheels" / "archbench-1.2.3-py3-none-any.whl"
    file.write_text("")
    came(file.as_uri(), archive_info={})
    assert origin_of_archbench(mine, mine) == f"./wheels/{file.name}"
    (mine / ".gitignore").write_text("*.whl\n")
    assert "which a checkout of this repository lacks" in refused(mine)
    came((tmp_path / file.name).as_uri(), archive_info={})
    assert "which a checkout of this repository lacks" in refused(mine)


def test_code_that_is_not_installed_is_a_checkout(
    mine: Path, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m archbench` in a clone runs such code."""

    def none(name: str) -> object:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(origin, "distribution", none)
    monkeypatch.setattr(origin, "FOLDER", Path(clone) / "archbench")
    commit = git(clone, "rev-parse", "HEAD")
    there = f"archbench @ git+https://github.com/owner/archbench.git@{commit}"
    assert origin_of_archbench(mine, mine) == there


@pytest.mark.parametrize(
    ("url", "https"),
    [
        ("https://github.com/o/a.git", "https://github.com/o/a.git"),
        ("https://x:y@host.org:8443/o/a", "https://host.org:8443/o/a"),
        ("git@github.com:o/a.git", "https://github.com/o/a.git"),
        ("host.org:o/a", "https://host.org/o/a"),
        ("ssh://git@host.org:22/o/a.git", "https://host.org/o/a.git"),
        ("ssh://git@host.org:2222/o/a.git", None),  # another server than the one of https
        ("git@work:o/a.git", None),  # a name of somebody's ssh configuration
        ("http://host.org/o/a", None),
        ("git://host.org/o/a", None),
        ("file:///srv/a.git", None),
        ("../a.git", None),
        ("C:\\a.git", None),
    ],
)
def test_remotes_that_anybody_can_read(url: str, https: str | None) -> None:
    """The forms of `git help urls`."""
    assert https_url(url) == https


def test_init_ci_refuses_before_it_writes(
    came: Came, mine: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, one hint, exit code 2; --requirement answers it."""
    from archbench.app import run

    monkeypatch.chdir(mine)
    came((tmp_path / "x.whl").as_uri(), archive_info={})
    assert run(["init-ci", "resnet20", "--github"]) == 2
    said, hint = capsys.readouterr().err.splitlines()
    assert said.startswith("archbench: it is not known where CI can install archbench from: ")
    assert "--requirement 'archbench @ git+URL@COMMIT'" in hint
    assert [path.name for path in mine.iterdir()] == [".git"]
    assert run(["init-ci", "resnet20", "--github", "--requirement", "archbench==9"]) == 0
    capsys.readouterr()
    assert run(["init-ci", "resnet20"]) == 0  # without a workflow it does not matter
