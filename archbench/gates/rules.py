"""The numbers that decide a verdict on time."""

from dataclasses import dataclass

from archbench.record import Record

NEGLIGIBLE = 0.01  # a change of time that is not worth a word


IMPORTANT = 0.05  # one that must not be missed


@dataclass(frozen=True, slots=True)
class Rules(Record):
    """The numbers of the gate, as shares where they are shares.

    Args:
        negligible: a slowdown below it is not worth a word, whatever the test says.
        important: one that must not slip through.
        alpha: the chance of any false alarm in a whole run, at most.
        screen: pairs of the first stage.
        suspicious: a cell whose median ratio in the screen is larger is measured again.
        promising: one that is so much faster, too.
        confirm: fresh pairs of the second stage; more where many cells are in it.
        extend: pairs of its extension.
        first_look: the part of alpha that the second stage spends before the extension.
    """

    negligible: float = NEGLIGIBLE
    important: float = IMPORTANT
    alpha: float = 0.01
    screen: int = 5
    suspicious: float = 0.007
    promising: float = 0.02
    confirm: int = 12
    extend: int = 8
    first_look: float = 0.8
