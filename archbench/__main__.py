"""`archbench` and `python -m archbench`."""

import gc
import sys
import warnings


def main() -> None:
    """Run the command line and leave with its exit code."""
    # One command is one short process. Walking all of torch for garbage, while it is imported and
    # once more at exit, takes as long as a third of that import, and finds nothing to free.
    gc.disable()
    try:
        from archbench.app import run
        from archbench.errors import TensorsKept
        from archbench.shell import interrupt

        warnings.simplefilter("ignore", TensorsKept)  # a command does not run a network afterwards
        interrupt.watch()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
