"""What several test files look at and is made once."""

import pytest

import archbench
from archbench.papers.claims.experiments import put_to_the_test
from archbench.papers.statements import statements
from archbench.records.claims import Finding
from archbench.records.published import Reproduction


@pytest.fixture(scope="session")
def reproductions() -> tuple[Reproduction, ...]:
    """Every printed figure, computed again."""
    return archbench.reproduce()


@pytest.fixture(scope="session")
def findings() -> dict[str, Finding]:
    """Every claim, put to the test."""
    return {finding.claim.id: finding for finding in put_to_the_test(statements())}
