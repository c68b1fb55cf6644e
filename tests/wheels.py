"""Build archbench's distributions, and look at one that is installed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.repository import ROOT


def run(*argv: str | Path, cwd: Path) -> str:
    """Return what a command prints; raise with all of it where the command fails."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [*map(str, argv)], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, argv))}\n{done.stdout}{done.stderr}"
    return done.stdout


def built(folder: Path, *options: str) -> list[Path]:
    """Build into a folder; without options an sdist, and a wheel from that sdist."""
    run(sys.executable, "-m", "build", *options, "--outdir", folder, ROOT, cwd=folder)
    return sorted(path for path in folder.iterdir() if path.suffix in (".whl", ".gz"))


def new_environment(folder: Path) -> Path:
    """Make an empty environment; return its Python."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin" / "python"


def check_installed(python: Path, folder: Path) -> None:
    """Hold an environment to have all of archbench: its code, data, types and licence.

    Args:
        python: of the environment.
        folder: where the commands run, away from the source tree.
    """
    archbench = python.parent / "archbench"
    out = run(archbench, "summary", "googlenet", "-f", "csv", cwd=folder)
    assert out.split("\n")[1].endswith("9472,118013952")
    kept = run(archbench, "list", "vgg16", "-f", "csv", cwd=folder)
    assert "138357544,15470264320,16" in kept  # a packaged file
    table = run(archbench, "reproduce", "googlenet-table3", "-f", "csv", cwd=folder)
    assert "-3.45%,-3.45,-3.4,percent_points,inconsistent" in table  # figures, notes, expectations
    claims = run(archbench, "claims", "--list", "-f", "csv", cwd=folder)
    assert "gradient.second-line," in claims
    (site,) = python.parents[1].glob("lib/python*/site-packages")
    where = run(python, "-c", "import archbench; print(archbench.__file__)", cwd=folder)
    assert where.startswith(str(site))
    assert (site / "archbench" / "py.typed").is_file()
    assert list(site.glob("archbench-*.dist-info/licenses/LICENSE"))
