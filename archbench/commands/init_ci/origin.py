"""The source that the running archbench was installed from, in a form that CI can install."""

import json
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from os.path import relpath
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from archbench.errors import ArchbenchError
from archbench.timing.machine.repository import STATUS, parse_status, run_git
from archbench.version import FOLDER

HINT = "name what CI installs, as pip takes it: --requirement 'archbench @ git+URL@COMMIT'"
SCP = re.compile(r"(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+):(?!/)(.+)")  # git@host.org:owner/name.git


def origin_of_archbench(root: Path, top: Path) -> str:
    """Return what pip installs this archbench from, in the project's folder of a CI checkout.

    From an index, that is its release; from a URL, that with its hash or commit; from a folder of
    the user's own repository, the path; from a checkout elsewhere, its remote's URL with its
    commit, if that was pushed.

    Args:
        root: the project's folder; paths start there.
        top: the root of the repository that it lies in.

    Raises:
        ArchbenchError: CI has no such place, or it is not known whether it has.

    Source: PEP 610, direct_url.json.
    """
    try:
        found = distribution("archbench")
    except PackageNotFoundError:  # it runs from a checkout that is not installed
        return _from_folder(FOLDER.parent, root, top)
    text = found.read_text("direct_url.json")
    if text is None:  # pip, uv and poetry write it unless an index was asked
        return f"archbench=={found.version}"
    origin = json.loads(text)
    url = str(origin["url"])
    path = Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None
    if "vcs_info" in origin:
        return _from_vcs(origin, path)
    if url.startswith(("https://", "http://")):
        return f"archbench @ {_without_user(url)}{_hash(origin.get('archive_info', {}))}"
    if path is None:
        raise _unknown(f"it was installed from '{url}'")
    if "dir_info" in origin:
        return _from_folder(path, root, top)
    inside = _inside(path, root, top)
    if inside is None:
        raise _unknown(f"it was installed from '{path}', which a checkout of this repository lacks")
    return inside


def https_url(url: str) -> str | None:
    """Return the https form of a git remote, without user and password; None if there is none.

    >>> https_url("git@github.com:owner/archbench.git")
    'https://github.com/owner/archbench.git'
    >>> https_url("ssh://git@host.org/archbench"), https_url("/srv/archbench.git")
    ('https://host.org/archbench', None)
    """
    short = SCP.fullmatch(url)
    if short:
        return f"https://{short[1]}/{short[2]}"
    parts = urlsplit(url)
    host = parts.hostname or ""
    if "." not in host or parts.scheme not in ("https", "ssh"):
        return None
    if parts.scheme == "ssh":
        return None if parts.port not in (None, 22) else f"https://{host}{parts.path}"
    return _without_user(url)


def _from_vcs(origin: Mapping[str, Any], path: Path | None) -> str:
    """Pin the commit that was installed: of its URL, or of a remote that the local clone knows."""
    info, folder = origin["vcs_info"], origin.get("subdirectory", "")
    if path is not None:
        return _pushed(path, info["commit_id"], folder)
    url = https_url(origin["url"])
    if url is None:
        raise _unknown(f"it was installed from '{origin['url']}', which CI may not be able to read")
    return _pinned(f"{info['vcs']}+{url}", info["commit_id"], folder)


def _from_folder(path: Path, root: Path, top: Path) -> str:
    """Return the path of a folder of this repository; of another one, its commit."""
    inside = _inside(path, root, top)
    if inside is not None:
        return inside
    place = _git(path, "rev-parse", "--show-toplevel")
    if not place:
        raise _unknown(f"it was installed from '{path}', which is in no git repository")
    if _git(path, "check-ignore", str(path.resolve())):
        raise _unknown(f"it was installed from '{path}', which git ignores")
    commit, changed = parse_status(_git(path, *STATUS))
    if commit is None:
        raise _unknown(f"the repository of '{path}' has no commit")
    if changed:
        raise _unknown(f"the checkout '{path}' has changes that are not committed")
    folder = path.resolve().relative_to(Path(place).resolve()).as_posix()
    return _pushed(path, commit, "" if folder == "." else folder)


def _inside(path: Path, root: Path, top: Path) -> str | None:
    """Return the path from the project's folder if the repository holds it; otherwise None."""
    path, top = path.resolve(), top.resolve()
    if not path.is_relative_to(top):
        return None
    folder = path if path.is_dir() else path.parent
    place = _git(folder, "rev-parse", "--show-toplevel")
    another = bool(place) and Path(place).resolve() != top  # a clone in a clone is not checked out
    if another or _git(top, "check-ignore", str(path)):
        return None
    below = Path(relpath(path, root.resolve())).as_posix()
    return below if below.startswith(".") else f"./{below}"


def _pushed(path: Path, commit: str, folder: str) -> str:
    """Pin a commit of a clone by the URL of a remote that has it, as far as the clone knows."""
    remotes = _git(path, "remote").split()
    if not remotes:
        raise _unknown(f"the repository of '{path}' has no remote")
    branches = _git(
        path, "for-each-ref", "--contains", commit, "--format=%(refname)", "refs/remotes"
    )
    holders = [n for n in remotes if f"\nrefs/remotes/{n}/" in f"\n{branches}"]
    if not holders:
        raise _unknown(f"commit {commit[:10]} of '{path}' was not pushed")
    urls = [https_url(_git(path, "remote", "get-url", name)) for name in holders]
    url = next((url for url in urls if url is not None), None)
    if url is None:
        raise _unknown(f"no remote of '{path}' has an https URL")
    return _pinned(f"git+{url}", commit, folder)


def _pinned(url: str, commit: str, folder: str) -> str:
    return f"archbench @ {url}@{commit}{folder and f'#subdirectory={folder}'}"


def _hash(archive: Mapping[str, Any]) -> str:
    """Return the hash of an archive as pip reads it behind a URL; empty if none was written."""
    hashes = archive.get("hashes") or {}
    if "sha256" in hashes:
        return f"#sha256={hashes['sha256']}"
    return f"#{archive['hash']}" if archive.get("hash") else ""


def _without_user(url: str) -> str:
    """Return a URL without user and password, which are nobody else's business."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _unknown(why: str) -> ArchbenchError:
    return ArchbenchError(f"it is not known where CI can install archbench from: {why}", HINT)


def _git(folder: Path, *words: str) -> str:
    """Return what git printed; nothing where it failed or is not there."""
    try:
        done = run_git(folder, *words)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
