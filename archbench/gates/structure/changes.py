"""What changed between two structures of one network: stages, layers, operators."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from archbench.gates.structure.locks import Structure
from archbench.gates.structure.records import Kind, Part, StructureChange, What

Pair = tuple[Part | None, Part | None]
LONG = 400  # parts: from there on what recurs often is not looked for everywhere


def structure_changes(cell: str, before: Structure, now: Structure) -> list[StructureChange]:
    """List every stage, layer and operator that is not as it was; stages first, then layers."""
    changes = _changes(cell, "stage", _stages(before), _stages(now))
    changes += _changes(cell, "layer", _layers(before), _layers(now))
    for name in sorted({*before.operators, *now.operators}):
        calls = before.operators.get(name, 0), now.operators.get(name, 0)
        left, right = (Part(name, calls=n) if n else None for n in calls)
        changes += _change(cell, "operator", left, right)
    return changes


def _changes(
    cell: str, what: What, before: Sequence[Part], now: Sequence[Part]
) -> list[StructureChange]:
    """Compare two sequences of parts, in the order in which they ran."""
    if before == now:
        return []
    changes = [change for pair in paired(before, now) for change in _change(cell, what, *pair)]
    if changes:
        return changes
    stay: set[Part] = set()  # the same parts, in another order
    for left, right in _gaps(before, now, _itself):
        stay.update(left if left == right else ())
    return [StructureChange(cell, what, "moved", part, part) for part in now if part not in stay]


def only_names(changes: Sequence[StructureChange]) -> bool:
    """Tell whether nothing but names differs."""
    return all(change.kind == "renamed" for change in changes)


def new_names(changes: Sequence[StructureChange]) -> list[tuple[str, str]]:
    """Return (old, new) names of modules, an outer one in place of all that is inside it."""
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


def paired(before: Sequence[Part], now: Sequence[Part]) -> list[Pair]:
    """Set the parts of two sequences side by side.

    First what has the same name and the same figures; between those, what has the same figures
    under another name; then what has the same name. The rest was removed or added.
    """
    pairs: list[Pair] = []
    for left, right in _gaps(before, now, _itself):
        if {part.name for part in left} == {part.name for part in right}:
            pairs += _by_name(left, right)
            continue
        if [_nameless(p) for p in left] == [_nameless(p) for p in right]:
            pairs += zip(left, right, strict=True)
            continue
        for inner_left, inner_right in _gaps(left, right, _nameless):
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


def _gaps(
    before: Sequence[Part], now: Sequence[Part], key: Callable[[Part], Part]
) -> Iterator[tuple[Sequence[Part], Sequence[Part]]]:
    """Cut two sequences into stretches that are equal by a key, and what lies between them."""
    left, right = [key(part) for part in before], [key(part) for part in now]
    # a part that recurs in hundreds of places is no landmark: looking for it there takes hours
    matcher = SequenceMatcher(None, left, right, autojunk=len(left) > LONG)
    for _, a, b, c, d in matcher.get_opcodes():
        yield before[a:b], now[c:d]


def _by_name(before: Sequence[Part], now: Sequence[Part]) -> list[Pair]:
    """Pair what has the same name; the others stay alone."""
    named = {part.name: part for part in now}
    pairs: list[Pair] = [(part, named.pop(part.name, None)) for part in before]
    return [*pairs, *((None, part) for part in named.values())]


def _change(cell: str, what: What, before: Part | None, now: Part | None) -> list[StructureChange]:
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
