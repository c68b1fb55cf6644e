"""The largest batch that fits: computed, run, and corrected by what running shows."""

import json

import pytest

from archbench.commands.bench.fits.records import Attempt, Fit
from archbench.commands.bench.fits.run import fits
from archbench.commands.bench.fits.search import next_batch
from archbench.errors import ArchbenchError, UserCodeError
from archbench.timing.jobs import Job
from archbench.timing.machine.limits import limit_memory
from archbench.timing.records import Failure, Session
from archbench.timing.sessions import launch as launching
from archbench.timing.sessions.model_cells import Ways
from archbench.units import parse_bytes

MIB = 2**20


@pytest.mark.parametrize(
    ("attempts", "batch"),
    [
        ([Attempt(10, 1000, fits=True)], None),  # full
        ([Attempt(10, 500, fits=True)], 20),  # as much again is left
        ([Attempt(10, 951, fits=True)], None),  # less than one more is left
        ([Attempt(10, 1100, fits=False)], 9),  # too large by a little
        ([Attempt(10, 2000, fits=False)], 5),
        ([Attempt(10, None, fits=False)], 5),  # the machine ran out: halfway down
        # never what failed, nor beside it: halfway
        ([Attempt(10, None, fits=False), Attempt(5, 500, fits=True)], 7),
        ([Attempt(10, 1100, fits=False), Attempt(9, 1000, fits=True)], None),
        # 500 and 50 a sample: a line through two attempts tells where it ends
        ([Attempt(4, 700, fits=True), Attempt(6, 800, fits=True)], 10),
        ([Attempt(1, 2000, fits=False)], None),  # there is nothing below
    ],
)
def test_the_next_batch_follows_a_straight_line(attempts: list[Attempt], batch: int | None) -> None:
    """Of 1,000 bytes: up where room is left, down where not, and never to what is known."""
    assert next_batch(1000, attempts) == batch


def test_every_search_ends_at_the_largest_batch_that_fits() -> None:
    """Whatever the network weighs and a sample takes, from any first guess."""
    for weight in (0, 100, 900):
        for sample in (7, 50, 99):
            best = (1000 - weight) // sample
            for first in (1, best, best + 3, 2 * best + 5):
                attempts: list[Attempt] = []
                batch: int | None = max(1, first)
                while batch is not None:
                    peak = weight + sample * batch
                    attempts.append(Attempt(batch, peak, fits=peak <= 1000))
                    batch = next_batch(1000, attempts)
                    assert len(attempts) < 30
                found = max((a.batch_size for a in attempts if a.fits), default=0)
                assert best - found <= 1 + weight // sample  # careful upwards, never beyond
                assert found <= best


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *[("24GiB", 24 * 2**30), ("800MB", 8 * 10**8), ("1.5 GiB", 3 * 2**29), ("77", 77)],
        *[("7kib", 7 * 2**10), ("2TB", 2 * 10**12), ("5B", 5)],
        *[("GiB", None), ("24 gigs", None), ("-3GiB", None), ("", None), ("1e9", None)],
    ],
)
def test_sizes_of_memory_are_read_as_people_write_them(text: str, size: int | None) -> None:
    """GB is a power of ten, GiB one of two; anything else is no size."""
    assert parse_bytes(text) == size


class Machine:
    """Fresh processes whose networks take half as much again as was computed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, per_sample: int, limit: int | None) -> None:
        self.per_sample, self.limit = per_sample, limit
        self.batches: list[int] = []
        monkeypatch.setattr(launching, "launch", self.launch)

    def launch(self, job: Job, variables: dict[str, str]) -> tuple[Session, str]:
        batch = job.cells[0].batch_size
        self.batches.append(batch)
        peak = batch * self.per_sample
        session = Session(job.cells, 0, 0, ((1,),), peak_memory_bytes=peak)
        if self.limit is not None and peak > self.limit:
            session = Session(job.cells, 0, 0, failure=Failure("oom", "too large"))
        return session, ""


def test_what_was_computed_is_run_and_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every attempt is in the result, and the largest that ran within the limit is found."""
    machine = Machine(monkeypatch, per_sample=MIB, limit=None)
    fit = fits(["resnet20"], 64 * MIB, None, Ways()).fits[0]
    assert machine.batches[0] == fit.predicted_batch > 64
    assert fit.predicted_bytes <= 64 * MIB
    assert fit.found_batch == 64
    assert fit.found_bytes == 64 * MIB
    assert [attempt.batch_size for attempt in fit.attempts] == machine.batches
    assert json.loads(json.dumps(fit.to_dict()))["found_batch"] == 64


def test_running_out_of_memory_is_an_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and a smaller batch is tried, by name."""
    Machine(monkeypatch, per_sample=MIB, limit=40 * MIB)
    fit = fits(["resnet20"], 64 * MIB, None, Ways()).fits[0]
    assert fit.attempts[0].peak_bytes is None
    assert not fit.attempts[0].fits
    assert fit.found_batch is not None
    assert fit.found_batch <= 40


def test_a_network_that_fails_is_no_matter_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own error comes out."""
    machine = Machine(monkeypatch, per_sample=MIB, limit=None)
    failed = Session((), 0, 0, failure=Failure("failed", "forward raised"))
    monkeypatch.setattr(launching, "launch", lambda job, variables: (failed, ""))
    with pytest.raises(UserCodeError, match="forward raised"):
        fits(["resnet20"], 64 * MIB, None, Ways())
    assert machine.batches == []


def test_a_limit_below_the_weights_fits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """0 is the answer, with what a batch of 1 would take; nothing is run."""
    machine = Machine(monkeypatch, per_sample=MIB, limit=None)
    fit = fits(["vgg16"], 64 * MIB, None, Ways()).fits[0]
    assert (fit.predicted_batch, fit.found_batch, machine.batches) == (0, None, [])
    assert fit.predicted_bytes > 4 * 138_000_000
    assert "the smallest batch that runs takes" in fit.note


def test_what_this_machine_cannot_hold_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The computed batch stands, and the note says that nobody has tried it."""
    machine = Machine(monkeypatch, per_sample=MIB, limit=None)
    fit = fits(["resnet20"], 2**45, None, Ways()).fits[0]
    assert fit.predicted_batch > 1_000_000
    assert fit.found_batch is None
    assert fit.note.startswith("not run: only")
    assert machine.batches == []


def test_half_precision_fits_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or nearly, where kernels convert; training fits less."""
    Machine(monkeypatch, per_sample=1, limit=None)
    ways = Ways(precisions=("fp32", "bf16"), modes=("infer", "train"))
    found = fits(["resnet20"], 64 * MIB, None, ways).fits
    batch = {(fit.cell.precision, fit.cell.mode): fit.predicted_batch for fit in found}
    assert 1.5 < batch["bf16", "infer"] / batch["fp32", "infer"] < 2.1
    assert batch["fp32", "train"] < batch["fp32", "infer"] / 4


def test_autocast_has_no_computed_memory() -> None:
    """It is refused rather than guessed."""
    with pytest.raises(ArchbenchError, match="autocast"):
        fits(["resnet20"], MIB, None, Ways(precisions=("amp",)))


def test_nothing_run_means_nothing_found() -> None:
    """None, not 0."""
    from archbench.timing.cells import Cell

    assert Fit(Cell("a"), 1, 1, 1).found_batch is None
    assert Fit(Cell("a"), 1, 1, 1).found_bytes is None


def test_a_cuda_process_is_granted_a_share_of_the_device() -> None:
    """As much as was asked for, of what there is."""
    import torch

    granted: list[float] = []

    class Cuda:
        @staticmethod
        def current_device() -> int:
            return 0

        @staticmethod
        def get_device_properties(index: int) -> object:
            return type("Properties", (), {"total_memory": 80 * 2**30})

        @staticmethod
        def set_per_process_memory_fraction(share: float, index: int) -> None:
            assert isinstance(index, int)  # torch takes no device without an index
            granted.append(share)

    device = torch.device("cuda")
    limit_memory(device, 16 * 2**30, Cuda)
    limit_memory(torch.device("cuda:1"), 200 * 2**30, Cuda)
    limit_memory(device, None, Cuda)
    assert granted == [0.25, 1.0]  # a quarter more than was asked for, to be judged afterwards
