"""Run the README's commands on a terminal of 80 columns; `make readme` puts in what they print."""

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.repository import ROOT

README = ROOT / "README.md"
MEASURED = "Latency of one forward pass"  # what stands behind these words is measured
MEASURES = re.compile(r"archbench (compare|bench|doctor)\b")
QUICK_S, PATIENT_S = 9, 90  # the latter where a busy machine measured nothing in the former
NOTHING_MEASURED = 5  # exit code
OWN_WORDS = {"resnet18", "resnet50", "model", "measured", "machine", "fingerprint"}
OF_THE_MACHINE = re.compile(r"archbench (bench|doctor) ")  # all but the shape of what they print
CONSOLE = re.compile(r"```console\n\$ (archbench [^\n]*)\n(.*?)```", re.DOTALL)
OWN_FILE = re.compile(r"```(?:python|toml)\n# (\w+\.(?:py|toml))\n(.*?)```", re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """Return (command, printed output) of every console block."""
    return CONSOLE.findall(README.read_text(encoding="utf-8"))


def run_on_a_terminal(command: str, quickly: bool = False) -> str:
    """Run a command where the README's own files lie; a dumb terminal has 80 columns, no colour.

    Args:
        command: as the README shows it.
        quickly: measure for some seconds only; what is measured is not compared.
    """
    if not (quickly and MEASURES.match(command) and "--fits" not in command):
        code, shown = _run(command)
    else:
        code, shown = _run(f"{command} --max-time {QUICK_S}")
        if code == NOTHING_MEASURED:
            code, shown = _run(f"{command} --max-time {PATIENT_S}")
    if code and not (code == 1 and "archbench check" in command):
        raise RuntimeError(f"{command} ended with {code}")
    return shown


def _run(command: str) -> tuple[int, str]:
    """Return the exit code, and what stands on the terminal, without trailing blanks."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in OWN_FILE.findall(README.read_text(encoding="utf-8")):
            (Path(folder) / name).write_text(text, encoding="utf-8")
        ours, theirs = pty.openpty()
        env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
        line = re.sub(
            r"\barchbench (?=[a-z])", f"{shlex.quote(sys.executable)} -m archbench ", command
        )
        with subprocess.Popen(
            line,
            shell=True,
            cwd=folder,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env={**env, "TERM": "dumb"},
        ) as child:
            os.close(theirs)
            text = _read(ours)
        os.close(ours)
    lines = text.replace("\r\n", "\n").split("\n")
    return child.returncode, "\n".join(line.rstrip() for line in lines)


def _read(terminal: int) -> str:
    """Read until the other side closes the terminal, which Linux reports as an error."""
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:
        pass
    return b"".join(parts).decode()


def masked(text: str, command: str = "") -> str:
    """Blot out what is measured: all figures, verdicts and machines after the word Latency.

    Of what is all measured, or all of the machine, the first line and the first column stay.
    """
    if OF_THE_MACHINE.match(f"{command} "):
        first, *lines = text.strip().split("\n")
        names = {line.split()[0] for line in lines if line.split()} & OWN_WORDS
        return "\n".join([first, *sorted(names)])
    text = re.sub(r"(run here,) [\w.+-]+", r"\1 #", text)  # other tools' versions
    exact, latency, measured = text.partition(MEASURED)
    measured = re.sub(r"(machine) .*|(fingerprint) +\w+", r"\1\2", measured)
    measured = re.sub(r"─+", "─", " ".join(measured.split()))
    measured = re.sub(r"\b(faster|slower|no difference seen|inconclusive)\b", "verdict", measured)
    measured = re.sub(r"[a-z ]+, in \d+ of \d+ processes: [^.]*\.", "", measured)  # flags
    measured = re.sub(r" Telling 5% apart [^.]*\.", "", measured)  # said where it is inconclusive
    return exact + latency + re.sub(r"[\d.]+", "#", measured)


def rewrite() -> None:
    """Put what the commands print now into the README."""
    text = README.read_text(encoding="utf-8")
    README.write_text(
        CONSOLE.sub(lambda m: f"```console\n$ {m[1]}\n{run_on_a_terminal(m[1])}```", text),
        encoding="utf-8",
    )


if __name__ == "__main__":
    rewrite()
