"""What several test files look at and is made once."""

from collections.abc import Callable

import pytest
import torch

import archbench
from archbench.measure import launch as launching
from archbench.measure.jobs import Job
from archbench.papers.claims.experiments import put_to_the_test
from archbench.papers.statements import statements
from archbench.records.claims import Finding
from archbench.records.published import Reproduction
from tests.machines import made_up, tells


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes is run when it is asked for."""
    if "slow" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: pytest -m slow runs it"))


@pytest.fixture(scope="session")
def reproductions() -> tuple[Reproduction, ...]:
    """Every printed figure, computed again."""
    return archbench.reproduce()


@pytest.fixture(scope="session")
def findings() -> dict[str, Finding]:
    """Every claim, put to the test; nothing of it stays behind in torch."""
    before = (torch.get_rng_state().tolist(), torch.get_default_dtype(), torch.get_num_threads())
    found = {finding.claim.id: finding for finding in put_to_the_test(statements())}
    after = (torch.get_rng_state().tolist(), torch.get_default_dtype(), torch.get_num_threads())
    assert before == after
    return found


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Job]]:
    """Stand in for fresh processes; returns what was launched."""
    launched: list[Job] = []

    def launch(job: Job, variables: dict[str, str]) -> tuple[object, str]:
        launched.append(job)
        return made_up(job), "said\n"

    monkeypatch.setattr(launching, "launch", launch)
    monkeypatch.setattr(launching, "ask", tells)
    return lambda: launched
