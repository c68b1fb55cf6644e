"""Run a function in a forked child process, whose memory is gone when it ends."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar, cast

import torch

Result = TypeVar("Result")

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2  # file descriptors


class ChildFailed(Exception):
    """The child ended without a result, or was ended."""


def can_fork() -> bool:
    """Tell whether a child can be forked: not on Windows and macOS, nor once CUDA was used."""
    return sys.platform.startswith("linux") and not torch.cuda.is_initialized()


def in_child(function: Callable[[], Result], limit_s: float | None = None) -> Result:
    """Return the result of a function that a forked child runs, on one thread.

    What the function prints is not shown.

    Args:
        function: returns, or raises, what can be pickled.
        limit_s: seconds until the child is ended; None waits as long as it takes.

    Raises:
        ChildFailed: the child ended without a result, or the time was over.
        BaseException: whatever the function raised.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_run, args=(function, sender))
    child.start()
    sender.close()
    try:
        if not receiver.poll(limit_s):
            raise ChildFailed(f"it had not ended after {limit_s:.0f} s")
        result, error = cast(tuple[Result, BaseException | None], receiver.recv())
    except EOFError:
        child.join()
        raise ChildFailed(f"it ended with exit code {child.exitcode}") from None
    finally:
        child.kill()
        child.join()
        receiver.close()
    if error is not None:
        raise error
    return result


def _run(function: Callable[[], Result], sender: Connection) -> None:
    torch.set_num_threads(1)  # the threads of the parent do not exist here
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in STANDARD_OUTPUT, STANDARD_ERROR:  # text in the parent's buffers, too
        os.dup2(nowhere, stream)
    try:
        sender.send((function(), None))
    except BaseException as error:
        sender.send((None, error))
