"""A Comparison as reports: structure first, since it needs no waiting; then time."""

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase

from archbench.analysis.records import BOUNDED, Profile, StageCost, Totals
from archbench.commands.compare.changes import counted_change, stage_names
from archbench.commands.compare.records import Change, Comparison
from archbench.gates.rules import IMPORTANT
from archbench.tables.columns import Columns, table_of, table_of_dicts
from archbench.tables.table import Bound, Column, Kind, Report, Table, TableCell, at_least
from archbench.timing.cells import Cell
from archbench.timing.words import flag_notes, machine_facts
from archbench.units import counted

WORDS = {
    "faster": "faster",
    "slower": "slower",
    "no_difference": "no difference seen",
    "inconclusive": "inconclusive",
}
MARKS = {"equal": "=", "smaller": "≠", "larger": "≠", "unknown": "?"}
LONGEST_HEADING = 9  # four columns of it fit beside the longest stage and what differs
SHOWN_TOTALS = (
    ("params", "params"),
    ("macs", "MACs"),
    ("flops", "FLOPs"),
    ("activations", "activations"),
    ("buffers", "buffers"),
    ("depth", "depth"),
)


def structure_report(comparison: Comparison) -> Report:
    """Lay totals, stages and operations side by side, and mark what differs."""
    labels = _labels(comparison)
    names = [profile.model for profile in comparison.profiles]
    if labels != names:
        names = [f"{label} {name}" for label, name in zip(labels, names, strict=True)]
    tables = [_totals_table(comparison), _stages_table(comparison)]
    if _changed(comparison, "calls"):
        tables.append(_operations_table(comparison))
    return Report(
        f"{names[0]} against {', '.join(names[1:])}",
        tuple(tables),
        comparison.to_dict(),
        notes=tuple(_sentences(comparison)),
        rows=table_of_dicts(comparison.to_rows(), Comparison.COLUMNS),
    )


def time_report(comparison: Comparison) -> Report:
    """Lay measured latencies side by side, with the interval of each ratio and its verdict."""
    sessions = comparison.sessions
    cells = sessions[0].cells
    first, reference = cells[0], comparison.profiles[0].model
    changes = [c for c in comparison.changes if c.metric == "latency_median_s"]
    rounds = counted(sum(session.rounds for session in sessions), "round")
    processes = counted(len(sessions), "fresh process", "fresh processes")
    facts = [("measured", f"{rounds} in {processes}; {_conditions(cells)}, models in turn")]
    if comparison.environment is not None:
        facts += machine_facts(comparison.environment)
    return Report(
        "Time of one training step" if first.mode == "train" else "Latency of one forward pass",
        (_times_table(reference, comparison.latencies_s[0], changes),),
        comparison.to_dict(),
        tuple(facts),
        (
            *flag_notes([one.flags for one in sessions], "processes"),
            *(_time_sentence(reference, c) for c in changes),
        ),
    )


def _conditions(cells: Sequence[Cell]) -> str:
    """Return how the models ran: the batch and the ways of all, or those of each in their order.

    >>> _conditions((Cell("a"), Cell("a[channels_last]", channels_last=True)))
    'batch 1; default against channels-last'
    """
    batches = [str(cell.batch_size) for cell in cells]
    batch = f"batch {' against '.join(batches if len(set(batches)) > 1 else batches[:1])}"
    ways = [_way(cell, cells) for cell in cells]
    if len(set(ways)) == 1:
        return f"{batch}, {ways[0]}" if ways[0] else batch
    return f"{batch}; {' against '.join(way or 'default' for way in ways)}"


def _way(cell: Cell, cells: Sequence[Cell]) -> str:
    """Return the way in which a cell is run; its threads are told if the cells differ in them."""
    way = cell.how
    if len({one.threads for one in cells}) == 1:
        return way
    threads = "torch's own threads" if cell.threads is None else counted(cell.threads, "thread")
    return f"{way} {threads}".strip()


def _times_table(reference: str, latency_s: float, changes: Sequence[Change]) -> Table:
    """One row for the reference, and one for each network's change against it."""
    columns = (
        Column("model", "model"),
        Column("latency_median_s", "latency", Kind.SECONDS),
        Column("ratio", "ratio", Kind.RATIO),
        Column("low", "95 % low", Kind.RATIO, rank=1),
        Column("high", "95 % high", Kind.RATIO, rank=1),
        Column("verdict", "verdict", Kind.TEXT),
    )
    rows: list[tuple[TableCell, ...]] = [(reference, latency_s, 1.0, None, None, "reference")]
    rows += [(c.model, c.b, c.ratio, c.low, c.high, WORDS[c.verdict]) for c in changes]
    return Table(columns, tuple(rows))


def whole_report(comparison: Comparison) -> Report:
    """Join both reports, for formats that hold everything at once."""
    structure = structure_report(comparison)
    if not comparison.sessions:
        return structure
    times = time_report(comparison)
    return replace(
        structure,
        tables=(*structure.tables, *times.tables),
        facts=times.facts,
        notes=(*structure.notes, *times.notes),
    )


def _labels(comparison: Comparison) -> list[str]:
    """Return headings for the networks: two short names, else letters, which the title explains."""
    names = [profile.model for profile in comparison.profiles]
    if len(names) == 2 and max(map(len, names)) <= LONGEST_HEADING:
        return names
    return [_letters(i) for i in range(len(names))]


def _letters(number: int) -> str:
    """Return the letters of a network, counted as columns of a spreadsheet are: A ... Z, AA, AB.

    >>> _letters(25), _letters(26), _letters(702)
    ('Z', 'AA', 'AAA')
    """
    more, last = divmod(number, 26)
    return (_letters(more - 1) if more else "") + ascii_uppercase[last]


def _totals_table(comparison: Comparison) -> Table:
    """Lay the totals of two networks side by side, a row each; those of many below each other."""
    profiles = comparison.profiles
    if len(profiles) > 2:
        return _totals_of_many(comparison)
    labels = _labels(comparison)
    columns = (
        Column("metric", "total"),
        Column("total_0", labels[0], Kind.INTEGER),
        Column("total_1", labels[1], Kind.INTEGER),
        Column("ratio", "ratio", Kind.RATIO, rank=1),
        Column("differs", ""),
    )
    rows: list[tuple[TableCell, ...]] = []
    a, b = (profile.totals for profile in profiles)
    for metric, title in SHOWN_TOTALS:
        change = counted_change(metric, "total", profiles[1].model, a, b)
        mark = MARKS[change.verdict]
        rows.append((title, _total(a, metric), _total(b, metric), _ratio(a, b, metric), mark))
    marked = frozenset(i for i, row in enumerate(rows) if row[-1] == "≠")
    return Table(columns, tuple(rows), marked=marked)


def _total(totals: Totals, metric: str) -> TableCell:
    """Return a total as a cell; one that is a lower bound as such."""
    return at_least(getattr(totals, metric), totals.complete or metric not in BOUNDED)


def _ratio(reference: Totals, other: Totals, metric: str) -> TableCell:
    """Return how many times as large a total is; a bound if one of the two is, None if both are."""
    a, b = getattr(reference, metric), getattr(other, metric)
    if not a:
        return None
    if metric not in BOUNDED or (reference.complete and other.complete):
        return float(b / a)
    if reference.complete:
        return Bound(b / a, "≥")
    return Bound(b / a, "≤") if other.complete else None


def _totals_of_many(comparison: Comparison) -> Table:
    """One row per network, with its params and MACs as multiples of the reference's."""
    first = comparison.profiles[0].totals
    columns: Columns[tuple[str, Profile]] = (
        (Column("label", ""), lambda row: row[0]),
        (Column("model", "network"), lambda row: row[1].model),
        (Column("params", "params", Kind.INTEGER), lambda row: row[1].totals.params),
        (
            Column("params_ratio", "ratio", Kind.RATIO, rank=1),
            lambda row: _ratio(first, row[1].totals, "params"),
        ),
        (Column("macs", "MACs", Kind.INTEGER), lambda row: _total(row[1].totals, "macs")),
        (
            Column("macs_ratio", "ratio", Kind.RATIO, rank=2),
            lambda row: _ratio(first, row[1].totals, "macs"),
        ),
        (
            Column("activations", "activations", Kind.INTEGER, rank=4),
            lambda row: _total(row[1].totals, "activations"),
        ),
        (
            Column("depth", "depth", Kind.INTEGER, rank=3),
            lambda row: _total(row[1].totals, "depth"),
        ),
    )
    return table_of(columns, zip(_labels(comparison), comparison.profiles, strict=True))


def _stages_table(comparison: Comparison) -> Table:
    """One row per stage that any network has.

    Where space is short the output sizes go first, then the last networks.
    """
    profiles, last = comparison.profiles, len(comparison.profiles)
    labels = _labels(comparison)
    columns = [Column("stage", "stage")]
    for i, label in enumerate(labels):
        columns.append(Column(f"output_shape_{i}", f"{label} output", Kind.IMAGE, rank=last + i))
    for metric, title in (("params", "params"), ("macs", "MACs")):
        for i, label in enumerate(labels):
            rank = i if i > 1 else 0
            columns.append(Column(f"{metric}_{i}", f"{label} {title}", Kind.COUNT, rank, metric))
    columns.append(Column("differs", ""))
    rows: list[tuple[TableCell, ...]] = []
    marked = set()
    for name in stage_names(profiles):
        stages = [profile.stage(name) for profile in profiles]
        differs = _stage_differences(stages)
        if differs != "=":
            marked.add(len(rows))
        rows.append(
            (
                name or "(itself)",
                *(s.output_shape if s else None for s in stages),
                *(s.params if s else None for s in stages),
                *(at_least(s.macs, s.complete) if s else None for s in stages),
                differs,
            )
        )
    return Table(tuple(columns), tuple(rows), marked=frozenset(marked))


def _stage_differences(stages: list[StageCost | None]) -> str:
    """Return a text with what differs between the networks in one stage; "=" if nothing does."""
    there = [stage for stage in stages if stage is not None]
    if len(there) < len(stages):
        return "≠ missing"
    kinds = {
        "size": len({stage.output_shape for stage in there}),
        "params": len({stage.params for stage in there}),
        "MACs": len({stage.macs for stage in there}),
    }
    is_known = all(stage.complete for stage in there)
    different = [
        name for name, count in kinds.items() if count > 1 and (is_known or name != "MACs")
    ]
    unknown = "" if is_known else "? MACs"
    if different:
        return f"≠ {', '.join(different)} {unknown}".rstrip()
    return unknown or "="


def _operations_table(comparison: Comparison) -> Table:
    """One row per operation that does not run equally often in all networks."""
    profiles = comparison.profiles
    changed = dict.fromkeys(c.subject for c in _changed(comparison, "calls"))
    changed.pop("aten.empty", None)  # batch normalisation reserves a buffer it does not use
    columns = [Column("op", "operations that differ")]
    columns += [
        Column(f"calls_{i}", label, Kind.INTEGER, rank=i)
        for i, label in enumerate(_labels(comparison))
    ]
    counts = [{op.op: op.calls for op in profile.operations} for profile in profiles]
    rows: list[tuple[TableCell, ...]] = [(op, *(n.get(op, 0) for n in counts)) for op in changed]
    return Table(tuple(columns), tuple(rows))


def _changed(comparison: Comparison, metric: str, model: str | None = None) -> list[Change]:
    return [
        change
        for change in comparison.changes
        if change.metric == metric
        and change.verdict in ("smaller", "larger", "unknown")
        and model in (None, change.model)
    ]


def _sentences(comparison: Comparison) -> list[str]:
    """Return a sentence per network: whether its params and MACs differ from the reference's."""
    reference = comparison.profiles[0].model
    sentences = [
        f"The MACs of {profile.model} are a lower bound: {'; '.join(profile.gaps)}."
        for profile in comparison.profiles
        if profile.gaps
    ]
    for profile in comparison.profiles[1:]:
        parts = []
        for metric, title in (("params", "params"), ("macs", "MACs")):
            changed = _changed(comparison, metric, profile.model)
            if changed:
                total = next((c for c in changed if c.subject == "total"), None)
                parts.append(f"{title} {_by_how_much(total)}")
        if parts:
            sentences.append(f"{profile.model} against {reference}: {'; '.join(parts)}.")
        else:
            sentences.append(
                f"{profile.model} and {reference}: no difference in params or MACs, in total or in "
                "any stage."
            )
    return sentences


def _by_how_much(total: Change | None) -> str:
    if total is None:
        return "equal in total, but not in every stage"
    if total.verdict == "unknown":
        return "cannot be compared"
    if total.ratio is None:
        return f"{total.a} against {total.b}" if total.complete else total.verdict
    return f"{total.verdict}, {total.ratio:.3f} times as many"


def _detectable(mde: float) -> str:
    """Return the smallest difference that would be seen, as the subject of a sentence."""
    return f"A difference of {mde:.1%}" if mde < 1 else "Not even twice the time"


def _time_sentence(reference: str, change: Change) -> str:
    """Return a verdict as a sentence, with the smallest difference that would be seen."""
    if change.ratio is None or change.low is None or change.high is None or change.mde is None:
        few = "one or two processes give no interval"
        return f"{change.model}: {few}; give it more --max-time."
    text = (
        f"{change.model} takes {change.ratio:.3f} of the time of {reference} "
        f"(95 % interval over processes {change.low:.3f} to {change.high:.3f}): "
        f"{WORDS[change.verdict]}. {_detectable(change.mde)} would be seen nine times in ten."
    )
    if change.verdict == "inconclusive":
        text += f" Telling {IMPORTANT:.0%} apart needs a longer --max-time or a quieter machine."
    return text
