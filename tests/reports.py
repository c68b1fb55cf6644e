"""Write reports/reproduce.* and reports/claims.* anew: `make reports`."""

from collections.abc import Iterator, Sequence

import archbench
from archbench.commands.claims.report import findings_report
from archbench.commands.reproduce.report import summary_report, table_reports
from archbench.papers.claims.experiments import run_experiments
from archbench.papers.claims.records import Finding
from archbench.papers.records import Reproduction
from archbench.papers.statements import statements
from archbench.tables.picture import as_svg
from archbench.tables.render import Format, as_text
from tests.repository import ROOT

REPORTS = ROOT / "reports"


def reproduced(reproductions: Sequence[Reproduction]) -> Iterator[tuple[str, str]]:
    """Yield the files that `archbench reproduce -o` writes: (name, text)."""
    yield "reproduce.csv", as_text(summary_report(reproductions), Format.CSV)
    parts = [as_text(report, Format.MD) for report in table_reports(reproductions)]
    yield "reproduce.md", "\n".join(parts)


def claimed(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Yield the files that `archbench claims -o` and --plot write."""
    for form in (Format.CSV, Format.MD):
        yield f"claims.{form}", as_text(findings_report(findings), form)
    for finding in findings:
        for picture in finding.evidence.pictures:
            yield f"{picture.name}.svg", as_svg(picture)


def main() -> None:
    """Replace the files."""
    for name, text in reproduced(archbench.reproduce()):
        (REPORTS / name).write_text(text, encoding="utf-8")
    for name, text in claimed(tuple(run_experiments(statements()))):
        (REPORTS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
