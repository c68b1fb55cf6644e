"""The numbers that decide a verdict on time."""

from dataclasses import dataclass

from archbench.record import Record

NEGLIGIBLE = 0.01  # a change of time that is not worth a word
IMPORTANT = 0.05  # a change of time that must not be missed


@dataclass(frozen=True, slots=True)
class Rules(Record):
    """The numbers of the gate, as shares where they are shares."""

    #: a slowdown below it is not worth a word, whatever the test says
    negligible: float = NEGLIGIBLE
    important: float = IMPORTANT  #: one that must not slip through
    alpha: float = 0.01  #: the chance of any false alarm in a whole run, at most
    screen: int = 5  #: pairs of the first stage
    #: a cell whose median ratio in the screen is larger is measured again
    suspicious: float = 0.007
    promising: float = 0.02  #: one that is so much faster, too
    confirm: int = 12  #: fresh pairs of the second stage; more where many cells are in it
    extend: int = 8  #: pairs of its extension
    first_look: float = 0.8  #: the part of alpha that the second stage spends before the extension
