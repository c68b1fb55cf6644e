"""Records as JSON and back: the same again, and what is wrong in a file is named with its place."""

import json
from dataclasses import replace

import pytest

from archbench.gates.rules import Rules
from archbench.gates.time.pairs import GatePlan, Pair
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine.disturbances import CpuLoad
from archbench.timing.records import DeviceTimes, Failure, Session
from tests.machines import HERE

CELL = Cell("net.py:build", {"width": 4, "kernel": [3, 3]}, ("float32:3x8x8",), batch_size=2)
SESSION = Session(
    (CELL,),
    1,
    7,
    times_ns=((10, 12), (11, 13)),
    device=DeviceTimes((1, 2), (3,), (4,), 5),
    layers_ns={"conv": 3},
    flags=("cut_short", "recompiled"),
    load=CpuLoad(0.5, None),
    watch={"samples": 3, "reasons": None},
    environment=replace(HERE, variables={"OMP_NUM_THREADS": "2"}, vector_instructions=("avx2",)),
    failure=Failure("oom", "no room", "a smaller -b"),
)
RECORDS = [
    CELL,
    SESSION,
    Job((CELL,), 0, 1, order=(0,), module_files=(None, "x"), layers=("a",)),
    GatePlan(("a", "b"), "control", "base", "head", Rules(alpha=0.02)),
    Pair(
        "a", "screen", 0, False, 3, "base", base=((1, 2),), head=((3, 4),), strays={"head": ("m",)}
    ),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_what_is_read_is_what_was_written(record) -> None:
    """Lists become tuples again, objects become records; keys of a newer release are left."""
    text = json.dumps(record.to_dict() | {"of a newer release": 1})
    found = type(record).from_dict(json.loads(text))
    assert found == record
    assert json.dumps(found.to_dict()) == json.dumps(record.to_dict())


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("times_ns", [["a"]], r"\$\.times_ns\[0\]\[0\]"),
        ("flags", ["nonsense"], r"\$\.flags\[0\]"),
        ("number", "x", r"\$\.number"),
        ("settled", "yes", r"\$\.settled"),
        ("environment", {}, "python"),
        ("schema", "archbench.session/9", "archbench.session/9"),
    ],
)
def test_what_is_no_record_is_refused_with_its_place(key: str, value: object, place: str) -> None:
    """Before, such a line was taken, and failed where nobody expected it."""
    with pytest.raises(ValueError, match=place):
        Session.from_dict(SESSION.to_dict() | {key: value})
