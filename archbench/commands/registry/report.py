"""The registry as a report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from archbench.networks.registry.published import PublishedError
from archbench.networks.registry.records import Architecture, Paper
from archbench.networks.registry.totals import KeptTotals
from archbench.tables.columns import Columns, table_of
from archbench.tables.table import Column, Kind, Lists, Report, Table, TableCell
from archbench.units import counted, shape_for_people

CONDITIONS = (
    "published error: top-1 / top-5 of one model, under the conditions named; the first figure of "
    "`archbench info NAME`, which has them all. Figures of different conditions do not compare."
)


def errors_of(error: PublishedError) -> str:
    """Return both errors as text, a dash for one that is not published; CIFAR has no top-5.

    >>> errors_of(PublishedError("ImageNet", None, 10.07, "1 crop", 1, "Table 3"))
    '- / 10.07'
    """
    if error.top5_error_percent is None and error.data.startswith("CIFAR"):
        return str(error.top1_error_percent)
    both = (error.top1_error_percent, error.top5_error_percent)
    return " / ".join("-" if value is None else str(value) for value in both)


@dataclass(frozen=True, slots=True)
class _Row:
    """One architecture of the list."""

    architecture: Architecture
    totals: KeptTotals

    @property
    def error(self) -> PublishedError | None:
        """The first published error, if any is known."""
        return self.architecture.errors[0] if self.architecture.errors else None


def _of_error(value: Callable[[PublishedError], TableCell]) -> Callable[[_Row], TableCell]:
    """Return the function for a column of published errors: None without an error."""
    return lambda row: None if row.error is None else value(row.error)


def _short(paper: Paper) -> str:
    return f"{paper.short}, {paper.where}"


NAME: Columns[_Row] = ((Column("name", "name"), lambda row: row.architecture.name),)
YEAR_AND_INPUT: Columns[_Row] = (
    (Column("year", "year", rank=4), lambda row: str(row.architecture.year)),
    (Column("input_shape", "input", Kind.SHAPE, rank=6), lambda row: row.architecture.input_shape),
)
TOTALS: Columns[_Row] = (
    (Column("params", "params", Kind.COUNT), lambda row: row.totals.params),
    (Column("macs", "MACs", Kind.COUNT), lambda row: row.totals.macs),
    (Column("depth", "depth", Kind.INTEGER, rank=5), lambda row: row.totals.depth),
)
DIFFERS: Columns[_Row] = (
    (Column("differs", "version", rank=7), lambda row: row.architecture.differs),
)
FOR_PEOPLE: Columns[_Row] = (
    *(*NAME, *YEAR_AND_INPUT, *TOTALS),
    (
        Column("published_error", "published error, %", rank=1),
        _of_error(lambda error: f"{errors_of(error)}, {error.views}"),
    ),
    *DIFFERS,
    (Column("paper", "paper", rank=8), lambda row: _short(row.architecture.paper)),
)
FOR_MACHINES: Columns[_Row] = (
    *NAME,
    (Column("family", "family"), lambda row: row.architecture.family),
    *YEAR_AND_INPUT,
    (Column("num_classes", "classes"), lambda row: row.architecture.num_classes),
    *TOTALS,
    (Column("top1_error_percent", "top-1, %"), _of_error(lambda e: e.top1_error_percent)),
    (Column("top5_error_percent", "top-5, %"), _of_error(lambda e: e.top5_error_percent)),
    (Column("data", "data"), _of_error(lambda e: e.data)),
    (Column("views", "views"), _of_error(lambda e: e.views)),
    (Column("source", "source"), _of_error(lambda e: e.source)),
    (Column("paper", "paper"), lambda row: str(row.architecture.paper)),
    *DIFFERS,
)


def list_report(architectures: Sequence[Architecture], totals: Mapping[str, KeptTotals]) -> Report:
    """Return the report of architectures by family and year; `totals` is by name."""
    ordered = sorted(architectures, key=lambda row: (row.family, row.year, str(row.paper)))
    rows = [_Row(architecture, totals[architecture.name]) for architecture in ordered]
    families = {
        i: row.family
        for i, row in enumerate(ordered)
        if i == 0 or row.family != ordered[i - 1].family
    }
    document = {
        "schema": "archbench.list/1",
        "architectures": [row.to_dict() | totals[row.name]._asdict() for row in ordered],
    }
    return Report(
        counted(len(ordered), "architecture"),
        (replace(table_of(FOR_PEOPLE, rows), groups=families),),
        document,
        notes=(CONDITIONS,) if any(row.errors for row in ordered) else (),
        rows=table_of(FOR_MACHINES, rows),
    )


ERRORS: Columns[PublishedError] = (
    (Column("error", "error, %"), errors_of),
    (Column("data", "data"), lambda error: error.data),
    (Column("views", "views"), lambda error: error.views),
    (Column("models", "models", Kind.INTEGER, rank=1), lambda error: error.models),
    (Column("source", "source", rank=2), lambda error: error.source),
)


def info_report(row: Architecture, totals: KeptTotals, variants: Sequence[Architecture]) -> Report:
    """Return the report of all that the registry knows about one network.

    `variants` are the other networks that the same file builds.
    """
    facts, lists = _info_facts(row, totals), _info_lists(row, variants)
    errors = table_of(ERRORS, row.errors, "Published errors, top-1 / top-5")
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
        (errors,) if errors.rows else (),
        document,
        tuple(facts),
        lists=lists,
        rows=_info_rows(row, totals, facts, lists),
    )


def _info_rows(
    row: Architecture, totals: KeptTotals, facts: Sequence[tuple[str, str]], lists: Lists
) -> Table:
    """Return the table that CSV holds: a field and its value in each row, numbers whole."""
    raw: dict[str, TableCell] = {
        "input": row.input_shape,
        "params": totals.params,
        "MACs": totals.macs,
        "depth": totals.depth,
    }
    rows: list[tuple[TableCell, ...]] = [("name", row.name), ("classes", row.num_classes)]
    rows += [(name, raw.get(name, text)) for name, text in facts]
    rows += [("published error", _error_sentence(error)) for error in row.errors]
    rows += [(f"{title.split()[0].lower()}: {k}", v) for title, pairs in lists for k, v in pairs]
    return Table((Column("field", "field"), Column("value", "value")), tuple(rows))


def _error_sentence(error: PublishedError) -> str:
    models = counted(error.models, "model")
    return f"{errors_of(error)}: {error.data}, {error.views}, {models}, {error.source}"


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
