"""Check what is about to be published: `make release-check`.

Builds sdist and wheel into dist/, checks their metadata, installs the wheel into an empty
environment, adds one extra after another, and runs the README there.
"""

import argparse
import shutil
import sys
import tomllib
from pathlib import Path

from tests.repository import ROOT
from tests.wheels import built, check_installed, new_environment, run

DIST, WORK = ROOT / "dist", ROOT / "build" / "release"
README_TESTS = ("readme.py", "test_readme.py")
WEIGHTS = """
import archbench, safetensors.torch
safetensors.torch.save_file(archbench.build("resnet20").state_dict(), "w.safetensors")
archbench.build("resnet20", weights="w.safetensors")
"""
USES: dict[str, tuple[str, ...]] = {  # extra: what it is for, as arguments of its Python
    "gpu": ("-c", "import pynvml; pynvml.NVMLError"),
    "plots": ("-m", "archbench", "claims", "factorisation.asymmetric-saving", "--plot", "pictures"),
    "weights": ("-c", WEIGHTS),
    "peers": ("-m", "archbench", "explain", "resnet20"),
    "torchvision": ("-m", "archbench", "summary", "torchvision:resnet18", "-i", "224"),
    "timm": ("-m", "archbench", "summary", "timm:resnet18", "-i", "224"),
}
FOR_ONE_TORCH = ("torchvision", "timm")  # whose newest release asks for the newest torch
TORCH = "from importlib.metadata import version; print(version('torch'))"


def main() -> None:
    """Run all checks; the first that fails ends the run with its output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", required=True, help="what pip installs first: torch==2.13.0")
    parser.add_argument("--torch-index", default="", help="where torch's CPU build is")
    parser.add_argument("--extras", default="gpu plots weights peers", help="names, with spaces")
    parser.add_argument("--tag", default="", help="the git tag that is released: v0.1.0")
    asked = parser.parse_args()
    if asked.tag:
        check_tag(asked.tag)
    for folder in (DIST, WORK):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    say("building the sdist, and the wheel from it")
    sdist, wheel = sorted(built(DIST), key=lambda path: path.suffix)
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel, cwd=DIST)
    say(f"installing {asked.torch} and {wheel.name} into an empty environment")
    python = new_environment(WORK / "env")
    index = ["--extra-index-url", asked.torch_index, "--retries", "2"] if asked.torch_index else []
    pip = (python, "-m", "pip", "install", "-q")
    run(*pip, "--no-deps", asked.torch, *index, cwd=WORK)
    torch = run(python, "-c", TORCH, cwd=WORK)
    run(*pip, wheel, cwd=WORK)
    check_installed(python, WORK)
    for extra in asked.extras.split():
        say(f"adding [{extra}]")
        fits = [f"torch=={torch.partition('+')[0].strip()}"] if extra in FOR_ONE_TORCH else []
        run(*pip, f"{wheel}[{extra}]", *fits, cwd=WORK)
        run(python, *USES[extra], cwd=WORK)
        assert run(python, "-c", TORCH, cwd=WORK) == torch, f"[{extra}] has replaced torch {torch}"
    if "peers" in asked.extras:
        say("running the README's commands")
        check_readme(python)
    say(f"{sdist.name} and {wheel.name} can be published")


def check_tag(tag: str) -> None:
    """Hold the tag to the version in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert tag == f"v{project['version']}", f"tag {tag} releases version {project['version']}"


def check_readme(python: Path) -> None:
    """Run the README's own tests in an environment, away from the source tree."""
    folder = WORK / "readme"
    (folder / "tests").mkdir(parents=True)
    shutil.copy(ROOT / "README.md", folder)
    for name in README_TESTS:
        shutil.copy(ROOT / "tests" / name, folder / "tests")
    run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=folder)


def say(text: str) -> None:
    """Tell what begins now."""
    print(f"==> {text}", flush=True)


if __name__ == "__main__":
    main()
