"""A Profile as a report: the paper's own table, the module tree, or every layer."""

from collections.abc import Callable, Sequence

from archbench.analysis.records import Profile
from archbench.commands.summary.records import Summary
from archbench.networks.registry.records import Architecture, PaperTable
from archbench.tables.table import Column, Kind, Report, Table, TableCell
from archbench.units import counted, scaled, shape_for_people

DEFAULT_DEPTH = 2  # of the module tree, for a network that has no table in a paper

COSTS = (
    Column("params", "params", Kind.COUNT),
    Column("macs", "MACs", Kind.COUNT),
)
OUTPUT = Column("output_shape", "output size", Kind.SHAPE, rank=1)

NEUTRAL = {"num_classes", "aux"}  # arguments that make no other version of a network

MEANING = (
    "1 MAC is one multiply-add of a convolution, linear layer or matrix product; biases, "
    "normalisation, activations and pooling count 0 (docs/conventions.md)."
)


def summary_report(found: Summary, depth: int | None = None, layers: bool = False) -> Report:
    """Lay out a network's counts.

    Args:
        found: what to show; its paper's table, where it has one and nothing else is asked for.
        depth: show the module tree to that depth.
        layers: show every module that ran.
    """
    profile, paper = found.profile, found.paper
    if layers:
        table = _layer_table(profile)
    elif depth is None and paper is not None:
        table = _paper_table(profile, paper)
    else:
        table = _tree_table(profile, DEFAULT_DEPTH if depth is None else depth)
    return Report(
        profile.model if paper is None else f"{profile.model}: {paper.source}",
        (table,),
        profile.to_dict(),
        _facts(profile, found.architecture),
        (*(paper.notes if paper is not None else ()), *_notes(profile)),
    )


def _paper_table(profile: Profile, paper: PaperTable) -> Table:
    """One row per stage, with the columns of the paper's table and in their order.

    Where space is short the stage's own name goes first, then its depth, then the paper's columns
    from the right; the first of them and the output size stay.
    """
    labelled = any(label is not None for label, _ in paper.rows.values())
    columns = [Column("name", "stage", rank=20) if labelled else Column("name", paper.heading)]
    if labelled:
        columns.append(Column("type", paper.heading))
    for i, (key, title) in enumerate(paper.columns):
        if key in ("input_shape", "output_shape"):
            columns.append(Column(key, title, Kind.IMAGE))
        elif key == "depth":
            columns.append(Column(key, title, Kind.INTEGER, rank=10))
        else:
            columns.append(Column(key, title, Kind.PRINTED, rank=i))
    rows = []
    for stage in profile.stages:
        label, values = paper.rows.get(stage.name, (None, ()))
        printed = iter(values)
        row: list[TableCell] = [stage.name, label or stage.name] if labelled else [stage.name]
        for key, _ in paper.columns:
            computed = key in ("input_shape", "output_shape", "depth")
            row.append(getattr(stage, key) if computed else next(printed, None))
        rows.append((*row, stage.params, stage.macs))
    return Table((*columns, *COSTS), tuple(rows))


def _layer_table(profile: Profile) -> Table:
    columns = (
        Column("path", "layer"),
        Column("type", "type", rank=1),
        Column("output_shape", "output size", Kind.SHAPE, rank=2),
        *COSTS,
        Column("activations", "activations", Kind.COUNT, rank=4),
        Column("calls", "calls", Kind.INTEGER, rank=3),
    )
    rows = tuple(
        (
            layer.path or "(itself)",
            layer.type,
            layer.output_shape,
            layer.params,
            layer.macs,
            layer.activations,
            layer.calls,
        )
        for layer in profile.layers
    )
    return Table(columns, rows)


def _tree_table(profile: Profile, depth: int) -> Table:
    """One row per module down to a depth, each with everything inside it.

    A path that holds modules but was not called itself, such as a ModuleList, has a row too.
    """
    columns = (
        Column("path", "module"),
        Column("type", "type", rank=1),
        Column("output_shape", "output size", Kind.SHAPE, rank=2),
        *COSTS,
        Column("macs_share", "% of MACs", Kind.SHARE, rank=3),
    )
    called = {layer.path: layer for layer in profile.layers}
    inside: dict[str, list[int]] = {}  # path -> [params, macs], its children included
    for layer in profile.layers:
        for path in _path_and_above(layer.path, depth):
            sums = inside.setdefault(path, [0, 0])
            sums[0] += layer.params
            sums[1] += layer.macs
    rows: list[tuple[TableCell, ...]] = []
    for path in sorted(inside, key=_tree_order(list(inside))):
        params, macs = inside[path]
        own = called.get(path)
        rows.append(
            (
                path or "(all)",
                own.type if own else None,
                own.output_shape if own else None,
                params,
                macs,
                macs / profile.totals.macs if profile.totals.macs else None,
            )
        )
    return Table(columns, tuple(rows))


def _path_and_above(path: str, depth: int) -> list[str]:
    parts = path.split(".") if path else []
    return [".".join(parts[:i]) for i in range(min(len(parts), depth) + 1)]


def _tree_order(paths: Sequence[str]) -> Callable[[str], list[int]]:
    """Sort so that children follow their parent, in the order in which they first ran."""
    first = {path: i for i, path in enumerate(paths)}

    def key(path: str) -> list[int]:
        return [first[prefix] for prefix in _path_and_above(path, len(path))]

    return key


def _facts(profile: Profile, architecture: Architecture | None) -> tuple[tuple[str, str], ...]:
    totals = profile.totals
    inputs = ", ".join(
        f"{spec.name} {spec.dtype} {shape_for_people(spec.shape)}" for spec in profile.inputs
    )
    facts = [("params", _exact(totals.params))]
    if totals.trainable_params != totals.params:
        facts.append(("trainable", _exact(totals.trainable_params)))
    if totals.buffers:
        facts.append(("buffers", _exact(totals.buffers)))
    facts += [
        ("MACs", _exact(totals.macs)),
        ("FLOPs", f"{_exact(totals.flops)}, 2 per MAC"),
        ("activations", _exact(totals.activations)),
        ("depth", f"{counted(totals.depth, 'layer')} on the longest chain"),
        ("input", f"{inputs}, batch {profile.batch_size}"),
    ]
    if profile.arguments:
        pairs = ", ".join(f"{name}={value}" for name, value in profile.arguments.items())
        facts.append(("arguments", pairs))
    if architecture is not None:
        paper = architecture.paper
        facts.append(("paper", f"{paper.short}, {paper.title}, {paper.dated}"))
    if architecture is not None and set(profile.arguments) <= NEUTRAL:
        facts.append(("version", architecture.differs))
    elif architecture is not None:
        facts.append(("version", f"chosen by arguments; see `archbench info {architecture.name}`"))
    return tuple(facts)


def _exact(count: int) -> str:
    return f"{count:,} ({scaled(count)})" if count >= 1000 else str(count)


def _notes(profile: Profile) -> list[str]:
    notes = [MEANING]
    if profile.note:
        notes.append(f"This model {profile.note}.")
    if profile.uncounted:
        names = ", ".join(f"{op.op} ({op.calls}x)" for op in profile.uncounted)
        notes.append(f"NOT COUNTED, for want of a rule: {names}. The MACs are a lower bound.")
    if profile.uncalled:
        shown = ", ".join(profile.uncalled[:5])
        more = f" and {len(profile.uncalled) - 5} more" if len(profile.uncalled) > 5 else ""
        notes.append(f"Never ran, though their parameters count: {shown}{more}.")
    return notes
