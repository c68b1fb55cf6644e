"""Records in one line, and as data frames whose columns are those of CSV."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from inspect import signature
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from torch import nn

import archbench
from archbench.app import run
from archbench.commands.bench.fits.records import Attempt, Fit, Fits
from archbench.commands.bench.fits.report import fits_report
from archbench.commands.bench.layers.report import layers_report
from archbench.commands.bench.records import Timing
from archbench.commands.bench.report import bench_report
from archbench.commands.claims.report import findings_report
from archbench.commands.compare.report import structure_report
from archbench.commands.doctor.records import Diagnosis, Noise
from archbench.commands.doctor.report import doctor_report
from archbench.commands.explain.report import explain_report
from archbench.commands.explain.run import explain
from archbench.commands.lock.report import lock_report
from archbench.commands.reproduce.report import summary_report
from archbench.commands.selftest.records import Rate, SelfTest
from archbench.commands.selftest.report import selftest_report
from archbench.gates.records import Verdict
from archbench.gates.rules import Rules
from archbench.gates.saved_runs.records import SavedCheck, SavedRun
from archbench.gates.saved_runs.report import saved_report
from archbench.gates.structure.locking import next_lock
from archbench.gates.structure.network_structure import locked_cell
from archbench.gates.structure.records import Check, GateCell
from archbench.gates.structure.report import check_report
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.gates.time.records import TimeGate
from archbench.gates.time.report import time_gate_report
from archbench.papers.claims.records import Case, Claim, Evidence, Finding, Measurement
from archbench.record import LONGEST, Record, Records, frame_of
from archbench.tables.render import as_csv
from archbench.tables.table import Report
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine.disturbances import BusyProcess, CpuLoad
from archbench.timing.records import Failure, Session
from tests.machines import HERE, ROOFS

CELL = Cell("net.py:build", batch_size=8, precision="bf16")
VERDICT = Verdict("small", None, "regressed", ratio=1.07, low=1.05, high=1.09, p=0.001, pairs=12)


def parts(hint: Any) -> Iterator[type]:
    """The classes that an annotation names, inside unions, tuples and mappings too."""
    if get_origin(hint) in (Union, UnionType, tuple, list) or get_origin(hint) is not None:
        for one in get_args(hint):
            yield from parts(one)
    elif isinstance(hint, type):
        yield hint


def records_in(kind: type, seen: set[type]) -> set[type]:
    """A class and all dataclasses that its fields hold, however deep."""
    if kind in seen or not (is_dataclass(kind) or issubclass(kind, Records)):
        return seen
    seen.add(kind)
    if issubclass(kind, Records):
        hints: list[Any] = [get_args(base) for base in kind.__orig_bases__]  # type: ignore[attr-defined]
        inner = [one for group in hints for one in group]
    else:
        known = get_type_hints(kind)
        inner = [known[field.name] for field in fields(kind)]
    for hint in inner:
        for one in parts(hint):
            records_in(one, seen)
    return seen


@pytest.mark.parametrize("name", archbench.__all__)
def test_what_a_public_function_returns_has_a_frame_and_a_line(name: str) -> None:
    """By its annotation, with every record inside it; a module is the one other thing."""
    found = signature(getattr(archbench, name)).return_annotation
    if found is nn.Module:
        return
    kinds = records_in(found, set())
    assert kinds
    for kind in kinds:
        assert issubclass(kind, Record | Records), kind
        assert kind.__repr__ in (Record.__repr__, Records.__repr__), kind
    assert "summary_line" in found.__dict__


def held(value: Any) -> Iterator[Record]:
    """A record and all records inside it."""
    if isinstance(value, Record):
        yield value
        for field in fields(value):  # type: ignore[arg-type]
            yield from held(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for one in value:
            yield from held(one)
    elif isinstance(value, Mapping):
        yield from held(list(value.values()))


def csv_of(report: Report) -> list[dict[str, str]]:
    """What `-f csv` prints, row by row."""
    return list(csv.DictReader(io.StringIO(as_csv(report.rows or report.tables[0]))))


def test_a_profile_in_a_line() -> None:
    """Torchvision's 11,689,512, less projections of 64·128+256, 128·256+512 and 256·512+1024."""
    assert repr(archbench.profile("resnet18")) == (
        "<Profile resnet18: 11,515,688 params, 1.79 G MACs, 18 layers deep>"
    )


def test_a_lower_bound_has_its_sign(nets: Path) -> None:
    """3·4·9+4 and 4·10+10 params; 8²·3·4·9 and 4·10 MACs, and those of the secret operation."""
    profile = archbench.profile("nets.py:Secret", "3x8x8")
    assert repr(profile) == ("<Profile nets.py:Secret: 162 params, ≥ 6.95 K MACs, ≥ 2 layers deep>")
    assert [repr(op) for op in profile.uncounted] == [
        "<OperationCount nets.secret: 1 call, no rule>"
    ]


def sampled(machine: Callable[[], list[Job]]) -> list[tuple[Record | Records[Any], Report]]:
    """A result of every command that returns records, and its report."""
    found = archbench.bench(["resnet20", "vgg16"], batch_size=[1, 1000], sessions=3)
    watched = archbench.bench("resnet20", layers=True, sessions=2)
    compared = archbench.compare("resnet20", "plain20", "resnet32", sessions=3)
    cell = locked_cell(GateCell("small", "resnet20"))[0]
    locking = next_lock(None, 1, [cell, replace(cell, name="other")], everything=True)
    check = Check("a.lock.json", ("small",), (replace(VERDICT, before=1, now=2, complete=False),))
    check = replace(check, notes={"small": "the structure changed"}, incomplete=("small",))
    plan = GatePlan(("small",), "control", "main", "head", Rules())
    pair = Pair("small", "screen", 0, False, 1, "base", base=((10, 30),), head=((20, 50),))
    saved = SavedRun("a.json", None, {}, {})
    fit = Fit(
        CELL, 2**30, 31, 2**29, False, attempts=(Attempt(31, 2**29, True), Attempt(64, None, False))
    )
    noise = Noise("resnet20", 5, 900, 0.004, 0.02, 0.001, ((5, 0.01),), ((5, 0.02),))
    busy = (BusyProcess(7, "cc1", 0.5),)
    diagnosis = Diagnosis(
        HERE, CpuLoad(0.5, None), busy, 2**30, noise, ROOFS, ("close the browser",)
    )
    rates = tuple(
        Rate(
            "resnet20",
            slowdown,
            slowdown,
            "run",
            n,
            20,
            0.0,
            0.2,
            {"regressed": n, "ok": 20 - n},
            9.0,
            None,
            240,
        )
        for slowdown, n in ((0.0, 0), (0.05, 19))
    )
    test = SelfTest(rates, one_process=False, busy=False, environment=HERE)
    claim = Claim("a.claim", "Depth helps.", ("slides",), "train two", "it does", "holds")
    evidence = Evidence((Case("always", True),), (Measurement("loss", 0.5, 0.5),), seeds=(1, 2))
    finding = Finding(claim, evidence)
    figures = archbench.reproduce("resnet-table1")
    explanation = explain("resnet20", run_tools=False)
    return [
        (found, bench_report(found)),
        (compared, structure_report(compared)),
        (check, check_report(check)),
        (locking, lock_report(locking, "a.lock.json")),
        (gate := TimeGate(plan, (pair,), (VERDICT,)), time_gate_report(gate)),
        (files := SavedCheck((saved,), (saved,), (VERDICT,), True), saved_report(files)),
        (fits := Fits((fit,), HERE), fits_report(fits)),
        (diagnosis, doctor_report(diagnosis)),
        (test, selftest_report(test)),
        (finding, findings_report([finding])),
        (figures, summary_report(figures)),
        (explanation, explain_report(explanation)),
        (watched, bench_report(watched)),
    ]


def test_a_frame_is_what_csv_holds(machine: Callable[[], list[Job]]) -> None:
    """The same columns in the same order, and the same values; each record in a line."""
    for record, report in sampled(machine):
        assert as_csv(report.rows or report.tables[0]) == record.to_frame().to_csv(
            index=False, lineterminator="\n"
        ), type(record)
        for one in (*held(record), record):
            line = repr(one)
            assert line.startswith(f"<{type(one).__name__} ")
            assert line.endswith((">", "…"))
            assert len(line) <= LONGEST
            assert line.isprintable()
            assert len(one.to_frame().columns), line


def test_frames_of_layers_are_what_csv_holds(
    machine: Callable[[], list[Job]], capsys: pytest.CaptureFixture[str]
) -> None:
    """`bench --layers` has the frame's columns; `summary --layers` the first of them."""
    watched = archbench.bench("resnet20", layers=True, sessions=2)
    frame = watched.to_frame("layers")
    assert csv_of(layers_report(watched)) == csv_of_frame(frame)
    assert run(["summary", "resnet20", "--layers", "-f", "csv"]) == 0
    shown = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    frame = archbench.profile("resnet20").to_frame("layers")
    held_as_csv = frame.assign(
        path=frame["path"].replace("", "(itself)"), output_shape=frame["output_shape"].map(_sizes)
    )
    assert [*shown[0]] == [*frame.columns[: len(shown[0])]]
    assert shown == csv_of_frame(held_as_csv[[*shown[0]]])


def csv_of_frame(frame: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(frame.to_csv(index=False))))


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def test_whole_numbers_of_a_frame_stay_whole() -> None:
    """2^53 + 1 is no floating-point number; an empty cell is none of them; times stay times."""
    count = 2**53 + 1
    frame = frame_of([{"a": count, "b": 1.5, "c": 1, "d": 2}, {"a": None, "b": None, "c": 0.5}])
    assert int(frame["a"][0]) == count
    assert frame["a"].isna().tolist() == [False, True]
    assert frame["b"].dtype == "float64"
    assert frame["c"].tolist() == [1, 0.5]
    assert [*frame_of([], ("x", "y")).columns] == ["x", "y"]
    assert frame_of([{"a": 2**70}, {"a": None}])["a"][0] == 2**70


def test_a_time_that_is_in_doubt_says_so() -> None:
    """The flags stand behind the figures, or in their place."""
    timing = Timing(CELL, 5, 90, 0.02, flags=("cut_short", "unsettled"))
    assert repr(timing) == (
        "<Timing net.py:build, batch 8, cpu, bf16: 20.0 ms, cut short, unsettled>"
    )
    assert repr(replace(timing, latency_median_s=None)) == (
        "<Timing net.py:build, batch 8, cpu, bf16: cut short, unsettled>"
    )
    doubted = Session((CELL,), 0, 0, times_ns=((2_000_000,),), flags=("foreign_process",))
    assert repr(doubted) == "<Session net.py:build 2.00 ms (median of 1 round), foreign process>"


def test_a_line_is_a_line_whatever_it_holds() -> None:
    """Line breaks of an error become visible, and a long text ends in an ellipsis."""
    assert repr(Failure("failed", "a\nb")) == "<Failure failed: a\\nb>"
    assert repr(Failure("failed", "x" * 500)) == f"<Failure failed: {'x' * 182}…"
    assert repr(Rules()) == "<Rules with all defaults>"
    assert repr(Rules(confirm=20)) == "<Rules confirm=20>"
    assert len("<Failure failed: " + "x" * 182 + "…") == LONGEST
