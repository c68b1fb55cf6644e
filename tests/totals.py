"""Write the totals that `archbench list` shows, from the analysis: `make totals`."""

import csv
from pathlib import Path

import archbench
from archbench.networks.registry import ARCHITECTURES, totals

PATH = Path(totals.__file__).with_name(totals.FILE)


def main() -> None:
    """Profile the whole shelf and replace the file."""
    with PATH.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("name", *totals.KeptTotals._fields))
        for row in ARCHITECTURES:
            found = archbench.profile(row.name).totals
            writer.writerow((row.name, found.params, found.macs, found.depth))


if __name__ == "__main__":
    main()
