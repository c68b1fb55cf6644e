"""The registry as a report."""

from collections.abc import Mapping, Sequence

from archbench.networks.registry.published import PublishedError
from archbench.networks.registry.records import Architecture
from archbench.networks.registry.totals import KeptTotals
from archbench.tables.table import Column, Kind, Lists, Report, Table, TableCell
from archbench.units import counted, shape_for_people

NAME = Column("name", "name")
FAMILY = Column("family", "family", rank=2)
YEAR = Column("year", "year", rank=4)
INPUT = Column("input_shape", "input", Kind.SHAPE, rank=6)
PARAMS = Column("params", "params", Kind.COUNT)
MACS = Column("macs", "MACs", Kind.COUNT)
DEPTH = Column("depth", "depth", Kind.INTEGER, rank=5)
DIFFERS = Column("differs", "version", rank=7)
PAPER = Column("paper", "paper", rank=8)

CONDITIONS = (
    "published error: top-1 / top-5 of one model, under the conditions named; the first figure of "
    "`archbench info NAME`, which has them all. Figures of different conditions do not compare."
)


def shelf_report(architectures: Sequence[Architecture], totals: Mapping[str, KeptTotals]) -> Report:
    """List architectures by family and year, with what sets each apart.

    Args:
        architectures: rows of the registry.
        totals: what each of them holds and does, by name.
    """
    ordered = sorted(architectures, key=lambda row: (row.family, row.year, str(row.paper)))
    people, machines = [], []
    for row in ordered:
        kept = totals[row.name]
        first = row.errors[0] if row.errors else None
        counts: tuple[TableCell, ...] = (kept.params, kept.macs, kept.depth)
        known: tuple[TableCell, ...] = (str(row.year), row.input_shape)
        where = f"{row.paper.short}, {row.paper.where}"
        people.append((row.name, *known, *counts, listed_error(first), row.differs, where))
        figures: tuple[TableCell, ...] = (None,) * len(_ERROR_COLUMNS)
        if first is not None:
            figures = (
                first.top1_error_percent,
                first.top5_error_percent,
                first.data,
                first.views,
                first.source,
            )
        machines.append(
            (
                row.name,
                row.family,
                *known,
                row.num_classes,
                *counts,
                *figures,
                str(row.paper),
                row.differs,
            )
        )
    groups = {
        i: row.family
        for i, row in enumerate(ordered)
        if i == 0 or row.family != ordered[i - 1].family
    }
    error = Column("published_error", "published error, %", rank=1)
    shown = (NAME, YEAR, INPUT, PARAMS, MACS, DEPTH, error, DIFFERS, PAPER)
    written = (
        *(NAME, FAMILY, YEAR, INPUT, Column("num_classes", "classes"), PARAMS, MACS, DEPTH),
        *_ERROR_COLUMNS,
        *(PAPER, DIFFERS),
    )
    document = {
        "schema": "archbench.list/1",
        "architectures": [row.to_dict() | totals[row.name]._asdict() for row in ordered],
    }
    return Report(
        counted(len(ordered), "architecture"),
        (Table(shown, tuple(people), groups=groups),),
        document,
        notes=(CONDITIONS,) if any(row.errors for row in ordered) else (),
        rows=Table(written, tuple(machines)),
    )


_ERROR_COLUMNS = (
    Column("top1_error_percent", "top-1, %"),
    Column("top5_error_percent", "top-5, %"),
    Column("data", "data"),
    Column("views", "views"),
    Column("source", "source"),
)


def listed_error(error: PublishedError | None) -> str | None:
    """Write a published error and its views in one cell: "21.2 / 5.6, 1 crop"."""
    if error is None:
        return None
    return f"{errors_of(error)}, {error.views}"


def errors_of(error: PublishedError) -> str:
    """Write both errors, a dash for one that is not published; CIFAR's papers have no top-5.

    >>> errors_of(PublishedError("ImageNet", None, 10.07, "1 crop", 1, "Table 3"))
    '- / 10.07'
    """
    if error.top5_error_percent is None and error.data.startswith("CIFAR"):
        return str(error.top1_error_percent)
    both = (error.top1_error_percent, error.top5_error_percent)
    return " / ".join("-" if value is None else str(value) for value in both)


def info_report(row: Architecture, totals: KeptTotals, variants: Sequence[Architecture]) -> Report:
    """Tell everything the registry knows about one network.

    Args:
        row: the network.
        totals: what it holds and does.
        variants: the other networks that the same file builds.
    """
    facts, lists = _info_facts(row, totals), _info_lists(row, variants)
    columns = (
        Column("error", "error, %"),
        Column("data", "data"),
        Column("views", "views"),
        Column("models", "models", Kind.INTEGER, rank=1),
        Column("source", "source", rank=2),
    )
    printed = tuple((errors_of(e), e.data, e.views, e.models, e.source) for e in row.errors)
    tables = (Table(columns, printed, "Published errors, top-1 / top-5"),) if printed else ()
    figures = tuple(
        ("published error", f"{error}: {data}, {views}, {counted(models, 'model')}, {source}")
        for error, data, views, models, source in printed
    )
    raw: dict[str, TableCell] = {
        "input": row.input_shape,
        "params": totals.params,
        "MACs": totals.macs,
        "depth": totals.depth,
    }
    everything: list[tuple[TableCell, ...]] = [("name", row.name), ("classes", row.num_classes)]
    everything += [(name, raw.get(name, text)) for name, text in (*facts, *figures)]
    everything += [
        (f"{title.split()[0].lower()}: {k}", v) for title, pairs in lists for k, v in pairs
    ]
    document = {
        "schema": "archbench.info/1",
        **row.to_dict(),
        **totals._asdict(),
        "title": row.paper.title,
        "authors": row.paper.authors,
        "published": row.paper.where,
        "page": row.paper.url,
        "conventions": dict(row.training),
        "arguments": dict(row.choices),
        "variants": [other.name for other in variants],
    }
    return Report(
        row.name,
        tables,
        document,
        tuple(facts),
        lists=lists,
        rows=Table((Column("field", "field"), Column("value", "value")), tuple(everything)),
    )


def _info_facts(row: Architecture, totals: KeptTotals) -> list[tuple[str, str]]:
    paper = row.paper
    classes = "" if row.num_classes is None else f", {row.num_classes} classes"
    return [
        ("title", paper.title),
        ("authors", paper.authors),
        ("published", paper.dated),
        *([("page", paper.url)] if paper.url else []),
        ("family", row.family),
        ("input", f"{shape_for_people(row.input_shape)}{classes}"),
        ("params", f"{totals.params:,}"),
        ("MACs", f"{totals.macs:,}"),
        ("depth", str(totals.depth)),
        ("version", row.differs),
    ]


def _info_lists(row: Architecture, variants: Sequence[Architecture]) -> Lists:
    lists = (
        ("Conventions", row.training),
        ("Arguments (--model-kwargs NAME=VALUE)", row.choices),
        ("Variants", tuple((other.name, other.differs) for other in variants)),
    )
    return tuple((title, pairs) for title, pairs in lists if pairs)
