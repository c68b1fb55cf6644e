"""A CrossCheck as a report."""

from archbench.analysis.records import Profile
from archbench.commands.summary.records import CrossCheck
from archbench.tables.table import Column, Kind, Report, Table


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
