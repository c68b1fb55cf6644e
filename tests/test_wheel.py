"""The built wheel, installed into an environment of its own, works without the source tree."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.systems import needs_posix

ROOT = Path(__file__).parents[1]


def run(*argv: str | Path, cwd: Path) -> str:
    done = subprocess.run([*map(str, argv)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_posix("its virtual environments have a folder bin")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_wheel_installs_and_runs(tmp_path: Path) -> None:
    """Its commands count GoogLeNet and list the shelf; data, types and licence are packed."""
    pytest.importorskip("build", reason="the wheel is built with `build`")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT),
        cwd=tmp_path,
    )
    (wheel,) = tmp_path.glob("*.whl")
    env = tmp_path / "env"
    run(sys.executable, "-m", "venv", env, cwd=tmp_path)
    python = env / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    (site,) = env.glob("lib/python*/site-packages")
    # torch and the rest come from where the tests run; archbench itself must not
    (site / "deps.pth").write_text(sysconfig.get_paths()["purelib"])
    out = run(env / "bin" / "archbench", "summary", "googlenet", "-f", "csv", cwd=tmp_path)
    assert out.split("\n")[1].endswith("9472,118013952")
    kept = run(env / "bin" / "archbench", "list", "vgg16", "-f", "csv", cwd=tmp_path)
    assert "138357544,15470264320,16" in kept  # a packaged file
    table = run(
        env / "bin" / "archbench", "reproduce", "googlenet-table3", "-f", "csv", cwd=tmp_path
    )
    assert "-3.45%,-3.45,-3.4,percent_points,inconsistent" in table  # figures, notes, expectations
    claims = run(env / "bin" / "archbench", "claims", "--list", "-f", "csv", cwd=tmp_path)
    assert "gradient.second-line," in claims
    where = run(python, "-c", "import archbench; print(archbench.__file__)", cwd=tmp_path)
    assert where.startswith(str(site))
    assert (site / "archbench" / "py.typed").is_file()
    assert list(site.glob("archbench-*.dist-info/licenses/LICENSE"))
