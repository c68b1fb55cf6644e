"""Kinds of systems that a test needs; elsewhere it is skipped, with the reason."""

import os
import sys

import pytest


def needs_posix(why: str) -> pytest.MarkDecorator:
    """Skip a test on Windows."""
    return pytest.mark.skipif(os.name != "posix", reason=f"needs a POSIX system: {why}")


def needs_linux(why: str) -> pytest.MarkDecorator:
    """Skip a test on macOS and Windows."""
    return pytest.mark.skipif(sys.platform != "linux", reason=f"needs Linux: {why}")
