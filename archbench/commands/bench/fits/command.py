"""`bench --fits SIZE`: the largest batch whose memory is at most SIZE."""

from collections.abc import Sequence
from typing import Annotated

import typer

from archbench.errors import ArchbenchError
from archbench.shell.options import ModelOptions, ResultOptions, WayOptions
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import listening
from archbench.units import parse_bytes

Fits = Annotated[
    str | None,
    typer.Option("--fits", metavar="SIZE", help="find the largest batch that fits, such as 24GiB"),
]


def print_largest_batches(
    models: Sequence[str],
    size: str,
    options: ModelOptions,
    how: WayOptions,
    cold_cache: bool,
    result: ResultOptions,
) -> None:
    """Print the largest batch of each model, precision and mode that takes at most `size`.

    Raises:
        ArchbenchError: the size is not an amount of memory.
    """
    limit_bytes = parse_bytes(size)
    if not limit_bytes:
        raise ArchbenchError(f"'{size}' is not an amount of memory", "such as 24GiB or 800MB")
    with destination(result.form, result.output) as out, prints_set_aside():
        from archbench.commands.bench.fits.report import fits_report
        from archbench.commands.bench.fits.run import fits

        ways = how.ways((1,), swept=True, cold_cache=cold_cache)
        arguments = options.arguments()
        with listening("measuring") as listener:
            found = fits(models, limit_bytes, options.sizes(), ways, arguments, listener)
        out.write(fits_report(found))
