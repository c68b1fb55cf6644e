"""A Summary as a report: the paper's own table, the module tree, every layer, or two counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archbench.analysis.records import LayerCost, OperationCount, Profile, StageCost, UnusedParams
from archbench.commands.summary.records import CrossCheck, Summary
from archbench.networks.input_words import input_words
from archbench.networks.registry.records import Architecture, GlobalPool, PaperTable
from archbench.tables.columns import Columns, table_of
from archbench.tables.table import Column, Kind, Report, Table, TableCell, at_least
from archbench.units import counted, scaled

DEFAULT_DEPTH = 2  # of the module tree, for a network that has no table in a paper

PARAMS = Column("params", "params", Kind.COUNT)
MACS = Column("macs", "MACs", Kind.COUNT)

FORMULA = "in place of the dots: FLOPs of a call, 2 for each multiply-add"
SHOWN_UNUSED = 5  # modules or parameters that a sentence names

NEUTRAL = {"num_classes", "aux"}  # arguments that make no other version of a network

MEANING = (
    "1 MAC is one multiply-add of a convolution, linear layer or matrix product; biases, "
    "normalisation, activations and pooling count 0 (docs/conventions.md)."
)


def summary_report(found: Summary, depth: int | None = None, layers: bool = False) -> Report:
    """Return the report of a network's counts.

    It shows every module that ran with `layers`, the module tree to a depth with `depth`, else the
    paper's table where the network has one.
    """
    profile, paper = found.profile, found.paper
    if layers:
        table = table_of(LAYERS, profile.layers)
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
        listings=_rules(profile),
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
            if key in ("input_shape", "output_shape"):
                row.append(getattr(stage, key))
            elif key == "depth":
                row.append(at_least(stage.depth, stage.complete))
            else:
                row.append(_printed(next(printed, None), stage))
        rows.append((*row, stage.params, at_least(stage.macs, stage.complete)))
    return Table((*columns, PARAMS, MACS), tuple(rows))


def _printed(value: str | int | GlobalPool | None, stage: StageCost) -> str | int | None:
    """Return a value of the paper's table, the window of a global pool on this input's grid."""
    return value.window_on(stage.input_shape) if isinstance(value, GlobalPool) else value


LAYERS: Columns[LayerCost] = (
    (Column("path", "layer"), lambda layer: layer.path or "(itself)"),
    (Column("type", "type", rank=1), lambda layer: layer.type),
    (Column("output_shape", "output size", Kind.SHAPE, rank=2), lambda layer: layer.output_shape),
    (PARAMS, lambda layer: layer.params),
    (MACS, lambda layer: at_least(layer.macs, layer.complete)),
    (
        Column("activations", "activations", Kind.COUNT, rank=4),
        lambda layer: at_least(layer.activations, layer.complete),
    ),
    (Column("calls", "calls", Kind.INTEGER, rank=3), lambda layer: layer.calls),
)


@dataclass(slots=True)
class _Branch:
    """A module of the tree, its children included."""

    path: str
    layer: LayerCost | None  #: None where the module was not called itself
    params: int = 0
    macs: int = 0
    complete: bool = True


def _tree_table(profile: Profile, depth: int) -> Table:
    """One row per module down to a depth, each with everything inside it.

    A path that holds modules but was not called itself, such as a ModuleList, has a row too.
    """
    total = profile.totals.macs
    columns: Columns[_Branch] = (
        (Column("path", "module"), lambda b: b.path or "(all)"),
        (Column("type", "type", rank=1), lambda b: b.layer.type if b.layer else None),
        (
            Column("output_shape", "output size", Kind.SHAPE, rank=2),
            lambda b: b.layer.output_shape if b.layer else None,
        ),
        (PARAMS, lambda b: b.params),
        (MACS, lambda b: at_least(b.macs, b.complete)),
        (
            Column("macs_share", "% of MACs", Kind.SHARE, rank=3),
            lambda b: b.macs / total if total and profile.totals.complete else None,
        ),
    )
    return table_of(columns, _tree(profile.layers, depth))


def _tree(layers: Sequence[LayerCost], depth: int) -> list[_Branch]:
    """Return the modules of the tree down to a depth, children after their parent."""
    called = {layer.path: layer for layer in layers}
    branches: dict[str, _Branch] = {}
    for layer in layers:
        for path in _path_and_above(layer.path, depth):
            branch = branches.setdefault(path, _Branch(path, called.get(path)))
            branch.params += layer.params
            branch.macs += layer.macs
            branch.complete &= layer.complete
    return [branches[path] for path in sorted(branches, key=_tree_order(list(branches)))]


def _path_and_above(path: str, depth: int) -> list[str]:
    parts = path.split(".") if path else []
    return [".".join(parts[:i]) for i in range(min(len(parts), depth) + 1)]


def _tree_order(paths: Sequence[str]) -> Callable[[str], list[int]]:
    """Return a sort key: children follow their parent, in the order in which they first ran."""
    first = {path: i for i, path in enumerate(paths)}

    def key(path: str) -> list[int]:
        return [first[prefix] for prefix in _path_and_above(path, len(path))]

    return key


def _facts(profile: Profile, architecture: Architecture | None) -> tuple[tuple[str, str], ...]:
    totals = profile.totals
    inputs = input_words(profile.inputs, profile.input_function)
    facts = [("params", _exact(totals.params))]
    if totals.trainable_params != totals.params:
        facts.append(("trainable", _exact(totals.trainable_params)))
    if totals.buffers:
        facts.append(("buffers", _exact(totals.buffers)))
    sign = "" if totals.complete else "≥ "
    facts += [
        ("MACs", sign + _exact(totals.macs)),
        ("FLOPs", f"{sign}{_exact(totals.flops)}, 2 per MAC"),
        ("activations", sign + _exact(totals.activations)),
        ("depth", f"{sign}{counted(totals.depth, 'layer')} on the longest chain"),
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
    other = ", ".join(_other_work(op) for op in profile.operations if op.bucket == "other")
    if other:
        notes.append(f"Beside the MACs, since they are no matrix products: {other}.")
    notes += [f"NOT SEEN: {gap}. The MACs are a lower bound." for gap in profile.missed]
    notes += [f"{remark[0].upper()}{remark[1:]}." for remark in profile.remarks]
    if profile.unused_params:
        notes.append(_unused(profile.unused_params))
    return notes


def _rules(profile: Profile) -> tuple[tuple[str, str], ...]:
    """Return the Python that gives a rule to every operation without one; empty if all have one."""
    if not profile.uncounted:
        return ()
    lines = ["import torch.utils.flop_counter"]
    for operation in profile.uncounted:
        name = operation.op.rpartition(".")[2]
        lines += [
            f"@torch.utils.flop_counter.register_flop_formula(torch.ops.{operation.op})",
            f"def {name}_flops(*shapes, out_shape, **options): return ...  # {FORMULA}",
        ]
    names = ", ".join(operation.op for operation in profile.uncounted)
    return ((f"To count {names}, put this into the model's file", "\n".join(lines)),)


def _unused(unused: Sequence[UnusedParams]) -> str:
    """Return a sentence: how many params no operation read, and where the first of them are."""
    shown = ", ".join(f"{row.path} ({row.params:,})" for row in unused[:SHOWN_UNUSED])
    more = f" and {len(unused) - SHOWN_UNUSED} more" if len(unused) > SHOWN_UNUSED else ""
    params = sum(row.params for row in unused)
    return (
        f"No operation of the pass, which is in evaluation mode, read {params:,} of the params; "
        f"they count all the same: {shown}{more}."
    )


def _other_work(operation: OperationCount) -> str:
    """Return an operation of another kind: "aten._fft_r2c (2x, fourier transform, ...)"."""
    amount = "" if operation.operations is None else f", {_exact(operation.operations)} operations"
    return f"{operation.op} ({operation.calls}x, {operation.kind}{amount})"


def cross_check_report(profile: Profile, check: CrossCheck) -> Report:
    """Lay archbench's MACs beside fvcore's "flops", which are MACs too, with every difference."""
    columns = (
        Column("operator", "operator"),
        Column("macs", "archbench", Kind.INTEGER),
        Column("fvcore", "fvcore", Kind.INTEGER),
        Column("difference", "difference", Kind.INTEGER, rank=1),
        Column("why", "why", Kind.PRINTED, rank=2),
    )
    rows = [(r.operator, r.macs, r.fvcore, r.fvcore - r.macs, r.why or None) for r in check.rows]
    marked = frozenset(i for i, row in enumerate(check.rows) if row.why)
    macs = sum(row.macs for row in check.rows)
    theirs = sum(row.fvcore for row in check.rows)
    rows.append(("total", macs, theirs, theirs - macs, None))
    reasons = {row.why: row.operator for row in check.rows if row.why}
    return Report(
        f"{profile.model}: MACs counted twice",
        (Table(columns, tuple(rows), marked=marked),),
        {**profile.to_dict(), "cross_check": check.to_dict()},
        facts=(("fvcore", f"{check.version}; what it calls flops are multiply-adds"),),
        notes=tuple(f"{operator}: {why}." for why, operator in reasons.items())
        or ("Both counters agree on every operation.",),
    )
