"""The lock's parts: folded rows, differences of two structures, from one lock to the next."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbench.errors import ArchbenchError
from archbench.gates.structure.budgets import parse_allowance, parse_budget
from archbench.gates.structure.changes import (
    module_renames,
    only_renames,
    pair_parts,
    structure_changes,
)
from archbench.gates.structure.lock_file import read_lock
from archbench.gates.structure.locking import next_lock
from archbench.gates.structure.locks import Lock, LockedCell, Structure
from archbench.gates.structure.records import Part
from archbench.gates.structure.repeated_blocks import fold, unfold
from archbench.networks.names import LOCK
from archbench.networks.registry import ARCHITECTURES
from archbench.networks.registry.totals import kept_totals
from tests.repository import ROOT
from tests.shelf import counted

NAMES = st.lists(
    st.sampled_from(["a", "b2", "b3", "0", "1", "2", "3", "02", "x..y", "1..3", "é9"]),
    min_size=1,
    max_size=3,
).map(".".join)
ROWS = st.lists(st.tuples(NAMES, st.integers(0, 1)), max_size=12)


@given(ROWS.filter(lambda rows: not any(".." in path for path, _ in rows)))
def test_unfolding_gives_back_what_was_folded(rows: list[tuple[str, int]]) -> None:
    """Whatever the names are, as long as none is empty, which torch forbids."""
    assert unfold(fold(rows)) == rows


def test_equal_blocks_stand_once() -> None:
    """Blocks that differ in one number and follow each other; others stay."""
    rows = [("s", 0)]
    for i in range(1, 6):
        rows += [(f"s.{i}", 1), (f"s.{i}.conv", 2 if i > 1 else 3), (f"s.{i}.bn", 4)]
    rows += [("s.block", 5), ("s.block2", 5), ("s.block3", 5), ("s.block9", 5)]
    folded = fold(rows)
    assert [path for path, _ in folded] == [
        *("s", "s.1", "s.1.conv", "s.1.bn", "s.2..5", "s.2..5.conv", "s.2..5.bn"),
        *("s.block", "s.block2..3", "s.block9"),
    ]
    assert unfold(folded) == rows


def test_a_network_of_a_thousand_layers_is_short() -> None:
    """resnet1202 has 200 blocks in each of three stages, a block of nine rows."""
    layers = counted("resnet1202").layers
    assert len(layers) == 600 * 9 + 10
    rows = [(row.path, row.to_dict() | {"path": ""}) for row in layers if "stage2" in row.path]
    folded = fold(rows)
    # the stage itself, its first block, whose shortcut halves the image, and all others
    assert len(folded) == 1 + 9 + 9
    assert folded[-1][0] == "stage2.2..200.relu"
    assert unfold(folded) == rows


def test_blocks_inside_of_blocks() -> None:
    """Ranges nest."""
    rows = [(f"layers.{i}.heads.{j}.q", 1) for i in range(12) for j in range(8)]
    assert fold(rows) == [("layers.0..11.heads.0..7.q", 1)]
    assert unfold(fold(rows)) == rows


def parts(text: str) -> list[Part]:
    """'a:3 b:4' is two parts with their params."""
    pairs = (word.split(":") for word in text.split())
    return [Part(name, params=int(count)) for name, count in pairs]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("a:1 b:2", "a:1 b:2", "a=a b=b"),
        ("a:1 b:2", "a:1 b:3", "a=a b=b"),
        ("a:1 b:2", "a:1 c:2", "a=a b=c"),
        ("a:1 b:2", "a:1 c:3", "a=a b=- -=c"),
        ("a:1 b:1 c:1", "a:1 c:1", "a=a b=- c=c"),  # not: c removed, b renamed
        ("0:1 1:2 2:3 3:4", "0:1 1:3 2:4", "0=0 1=- 2=1 3=2"),  # a Sequential moves up
        ("0:1 1:2", "0:1 1:9 2:2", "0=0 -=1 1=2"),
        ("a:1", "", "a=-"),
        ("", "a:1", "-=a"),
    ],
)
def test_parts_are_paired(before: str, now: str, expected: str) -> None:
    """By name and figures, by figures, by name; the rest stays alone."""
    pairs = pair_parts(parts(before), parts(now))
    found = {
        f"{'-' if left is None else left.name}={'-' if right is None else right.name}"
        for left, right in pairs
    }
    assert found == set(expected.split())


@given(ROWS, ROWS)
def test_pairing_loses_and_repeats_nothing(
    before: list[tuple[str, int]], now: list[tuple[str, int]]
) -> None:
    """Each part stands in exactly one pair; a module's path is there once."""
    left = [Part(name, params=count) for name, count in dict(before).items()]
    right = [Part(name, params=count) for name, count in dict(now).items()]
    pairs = pair_parts(left, right)
    assert sorted((a for a, _ in pairs if a is not None), key=repr) == sorted(left, key=repr)
    assert sorted((b for _, b in pairs if b is not None), key=repr) == sorted(right, key=repr)


def structure(name: str) -> Structure:
    profile = counted(name)
    totals = profile.totals
    return Structure(
        *(totals.params, totals.trainable_params, totals.buffers, totals.macs, totals.activations),
        *(4 * totals.params, 1000, {op.op: op.calls for op in profile.operations}),
        *(profile.stages, profile.layers, "2.13.0"),
    )


def test_names_alone() -> None:
    """A renamed stage is one pair of names, with all that is inside it."""
    before = structure("resnet20")
    now = replace(
        before,
        stages=tuple(replace(s, name=s.name.replace("stage1", "first")) for s in before.stages),
        layers=tuple(replace(r, path=r.path.replace("stage1", "first")) for r in before.layers),
    )
    changes = structure_changes("cell", before, now)
    assert only_renames(changes)
    assert module_renames(changes) == [("stage1", "first")]
    assert structure_changes("cell", before, before) == []


def test_operators_by_kind() -> None:
    """A kind that was swapped is two changes, at equal totals."""
    before = structure("resnet20")
    operators = dict(before.operators)
    operators["aten.gelu"] = operators.pop("aten.relu_")
    changes = structure_changes("cell", before, replace(before, operators=operators))
    assert [(change.kind, change.what) for change in changes] == [
        *(("added", "operator"), ("removed", "operator"))
    ]
    assert not only_renames(changes)


def cell(name: str, params: int = 1, reason: str = "") -> LockedCell:
    held = Structure(params, params, 0, 0, 0, 0, 0, {}, (), (), "2.13.0")
    return LockedCell(name, name, (), 1, {}, held, reason)


def test_from_one_lock_to_the_next() -> None:
    """What is the same keeps its reason; what is gone leaves one; what comes back takes it away."""
    first = next_lock(None, 1, [cell("b"), cell("a")], everything=True, reason="first")
    assert [c.name for c in first.lock.cells] == ["a", "b"]
    assert first.added == ("b", "a")
    second = next_lock(first.lock, 1, [cell("a", 2), cell("c")], everything=True, reason="wider")
    assert (second.added, second.changed, second.removed) == (("c",), ("a",), ("b",))
    assert [(c.name, c.reason) for c in second.lock.cells] == [("a", "wider"), ("c", "wider")]
    assert second.lock.removed == (("b", "wider"),)
    third = next_lock(second.lock, 1, [cell("b")], everything=False, reason="back")
    assert [(c.name, c.reason) for c in third.lock.cells] == [
        *(("a", "wider"), ("b", "back"), ("c", "wider"))
    ]
    assert third.lock.removed == ()
    fourth = next_lock(third.lock, 1, list(third.lock.cells), everything=True, reason="nothing")
    assert not fourth.differs
    assert fourth.lock == third.lock


def test_one_lock_holds_one_convention() -> None:
    """All cells at once, or none."""
    old = Lock(0, (cell("a"), cell("b")))
    with pytest.raises(ArchbenchError, match="cells of both"):
        next_lock(old, 1, [cell("a")], everything=False)
    assert next_lock(old, 1, [cell("a"), cell("b")], everything=True).changed == ("a", "b")
    # naming every cell is all at once, too
    assert next_lock(old, 1, [cell("a"), cell("b")], everything=False).lock.convention == 1


@pytest.mark.parametrize(
    ("metric", "text", "sign", "limit"),
    [
        ("macs", "<= 4.2G", "<=", 4_200_000_000),
        ("params", "26M", "<=", 26_000_000),
        ("params", 26_000_000, "<=", 26_000_000),
        ("operators", "== 229", "==", 229),
        ("buffers", ">0", ">", 0),
        ("weight_bytes", "< 1.5 KiB", "<", 1536),
        ("peak_activation_bytes", "<= 40MB", "<=", 40_000_000),
        ("flops", ">= 0.1k", ">=", 100),
    ],
)
def test_budgets_are_exact(metric: str, text: str | int, sign: str, limit: int) -> None:
    """4.2G is 4200000000, not what a float makes of it."""
    budget = parse_budget(metric, text)
    assert (budget.sign, budget.limit) == (sign, Fraction(limit))


def test_allowances_are_exact() -> None:
    """To the digit, for shares that no float holds."""
    allowance = parse_allowance("macs:+0.1%")
    assert allowance.allows(10**18, 10**18 + 10**15)
    assert not allowance.allows(10**18, 10**18 + 10**15 + 1)
    assert parse_allowance("params:+1.5K").allows(0, 1500)
    assert not parse_allowance("params:+1.5K").allows(0, 1501)
    assert parse_allowance("weight_bytes:+1KiB").allows(0, 1024)


def test_the_whole_shelf_is_locked() -> None:
    """`make gate` checks what the lock holds: a network without a line would be `new` for ever."""
    lock = read_lock(ROOT / LOCK)
    assert lock is not None
    assert [cell.name for cell in lock.cells] == sorted(row.name for row in ARCHITECTURES)
    for held in lock.cells:
        totals = kept_totals()[held.name]
        assert (held.structure.params, held.structure.macs) == (totals.params, totals.macs)
