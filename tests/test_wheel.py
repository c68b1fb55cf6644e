"""The built wheel, installed into an environment of its own, works without the source tree."""

import sysconfig
from pathlib import Path

import pytest

from tests.systems import needs_posix
from tests.wheels import built, check_installed, new_environment, run


@needs_posix("its virtual environments have a folder bin")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_wheel_installs_and_runs(tmp_path: Path) -> None:
    """Its commands count GoogLeNet and list the shelf. Data, types and licence are in the wheel.

    `make release-check` does the same with all that the wheel asks for, and with the sdist.
    """
    pytest.importorskip("build", reason="the wheel is built with `build`")
    (wheel,) = built(tmp_path, "--wheel", "--no-isolation")
    env = tmp_path / "env"
    python = new_environment(env)
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    (site,) = env.glob("lib/python*/site-packages")
    # torch and the rest come from where the tests run; archbench itself must not
    (site / "deps.pth").write_text(sysconfig.get_paths()["purelib"])
    check_installed(python, tmp_path)
