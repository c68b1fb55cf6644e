"""An error in Python says what the command line says."""

import pickle
import traceback

import pytest

import archbench
from archbench.errors import ArchbenchError


def test_a_hint_shows_in_a_traceback() -> None:
    """Python 3.11 prints the notes of an exception."""
    with pytest.raises(ArchbenchError) as refused:
        archbench.profile("resnt50")
    assert "hint: did you mean 'resnet50'?" in "".join(traceback.format_exception(refused.value))


def test_an_error_comes_back_from_another_process_with_its_hint_once() -> None:
    """As `isolated=True` sends it."""
    error = pickle.loads(pickle.dumps(ArchbenchError("no", "try yes")))
    assert (error.message, error.hint, error.__notes__) == ("no", "try yes", ["hint: try yes"])
