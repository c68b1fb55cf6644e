"""What changed between two structures of one network: stages, layers, operators."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from archbench.gates.structure.locks import Structure
from archbench.gates.structure.records import Kind, Part, StructureChange, What

Pair = tuple[Part | None, Part | None]
LONG = 400  # parts of a sequence, beyond which a part that recurs often is no landmark


def structure_changes(cell: str, before: Structure, now: Structure) -> list[StructureChange]:
    """Return the stages, layers and operators that changed, in this order."""
    changes = _sequence_changes(cell, "stage", _stages(before), _stages(now))
    changes += _sequence_changes(cell, "layer", _layers(before), _layers(now))
    for name in sorted({*before.operators, *now.operators}):
        calls = before.operators.get(name, 0), now.operators.get(name, 0)
        left, right = (Part(name, calls=n) if n else None for n in calls)
        changes += _pair_changes(cell, "operator", left, right)
    return changes


def _sequence_changes(
    cell: str, what: What, before: Sequence[Part], now: Sequence[Part]
) -> list[StructureChange]:
    """Return the changes from one sequence of parts to the next, each in running order."""
    if before == now:
        return []
    changes = [
        change for pair in pair_parts(before, now) for change in _pair_changes(cell, what, *pair)
    ]
    if changes:
        return changes
    unmoved: set[Part] = set()  # the parts are the same, in another order
    for left, right in _stretches(before, now, _itself):
        unmoved.update(left if left == right else ())
    return [StructureChange(cell, what, "moved", part, part) for part in now if part not in unmoved]


def only_renames(changes: Sequence[StructureChange]) -> bool:
    """Tell whether nothing changed but names."""
    return all(change.kind == "renamed" for change in changes)


def module_renames(changes: Sequence[StructureChange]) -> list[tuple[str, str]]:
    """Return (old, new) names of renamed modules; an outer module stands for all inside it."""
    found: dict[tuple[str, str], None] = {}
    for change in changes:
        if change.kind != "renamed" or change.before is None or change.now is None:
            continue
        old, new = change.before.name.split("."), change.now.name.split(".")
        at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
        if old[at + 1 :] == new[at + 1 :]:
            old, new = old[: at + 1], new[: at + 1]
        found[".".join(old), ".".join(new)] = None
    return list(found)


def pair_parts(before: Sequence[Part], now: Sequence[Part]) -> list[Pair]:
    """Return pairs of a part before and the same part now; None where one side has no such part.

    Equal parts are paired first, in their order. Of the parts between them, those with equal
    figures and another name are paired next, and then those with equal names.
    """
    pairs: list[Pair] = []
    for left, right in _stretches(before, now, _itself):
        if {part.name for part in left} == {part.name for part in right}:
            pairs += _by_name(left, right)
            continue
        for inner_left, inner_right in _stretches(left, right, _nameless):
            if [_nameless(p) for p in inner_left] == [_nameless(p) for p in inner_right]:
                pairs += zip(inner_left, inner_right, strict=True)
            else:
                pairs += _by_name(inner_left, inner_right)
    alone = [right for left, right in pairs if left is None and right is not None]
    if not alone:
        return pairs
    kept = [pair for pair in pairs if pair[0] is not None and pair[1] is not None]
    left_over = [left for left, right in pairs if left is not None and right is None]
    return [*kept, *_by_name(left_over, alone)]


def _itself(part: Part) -> Part:
    return part


def _nameless(part: Part) -> Part:
    return replace(part, name="")


def _stretches(
    before: Sequence[Part], now: Sequence[Part], key: Callable[[Part], Part]
) -> Iterator[tuple[Sequence[Part], Sequence[Part]]]:
    """Yield stretches of two sequences: those with equal keys, and those between them."""
    left, right = [key(part) for part in before], [key(part) for part in now]
    # autojunk takes no frequent part as a landmark; without it a long sequence takes hours
    matcher = SequenceMatcher(None, left, right, autojunk=len(left) > LONG)
    for _, a, b, c, d in matcher.get_opcodes():
        yield before[a:b], now[c:d]


def _by_name(before: Sequence[Part], now: Sequence[Part]) -> list[Pair]:
    """Return pairs of parts with equal names; the other parts are alone in theirs."""
    part_of_name = {part.name: part for part in now}
    pairs: list[Pair] = [(part, part_of_name.pop(part.name, None)) for part in before]
    return [*pairs, *((None, part) for part in part_of_name.values())]


def _pair_changes(
    cell: str, what: What, before: Part | None, now: Part | None
) -> list[StructureChange]:
    """Return the change from one part to the next; nothing where they are equal."""
    if before == now:
        return []
    if before is None:
        return [StructureChange(cell, what, "added", None, now)]
    if now is None:
        return [StructureChange(cell, what, "removed", before, None)]
    kind: Kind = "renamed" if _nameless(before) == _nameless(now) else "changed"
    return [StructureChange(cell, what, kind, before, now)]


def _stages(structure: Structure) -> list[Part]:
    return [
        Part(s.name, "", s.output_shape, s.params, s.macs, s.activations) for s in structure.stages
    ]


def _layers(structure: Structure) -> list[Part]:
    return [
        Part(
            *(layer.path, layer.type, layer.output_shape),
            *(layer.params, layer.macs, layer.activations, layer.calls),
            *(layer.trainable_params, layer.buffers),
        )
        for layer in structure.layers
    ]
