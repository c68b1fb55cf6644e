"""Every claim's experiment, by the claim's id."""

from collections.abc import Callable, Iterator, Sequence

from archbench.papers.claims import (
    degradation,
    gradients,
    identity,
    jacobians,
    modules,
    residual_scaling,
    resnets,
    shortcuts,
)
from archbench.papers.networks import Networks
from archbench.records.claims import Claim, Evidence, Finding

Experiment = Callable[[Networks], Evidence]

EXPERIMENTS: dict[str, Experiment] = {
    **modules.EXPERIMENTS,
    **shortcuts.EXPERIMENTS,
    **resnets.EXPERIMENTS,
    **jacobians.EXPERIMENTS,
    **gradients.EXPERIMENTS,
    **identity.EXPERIMENTS,
    **residual_scaling.EXPERIMENTS,
    **degradation.EXPERIMENTS,
}


def put_to_the_test(claims: Sequence[Claim]) -> Iterator[Finding]:
    """Run the experiment of each claim in turn."""
    networks = Networks()
    for claim in claims:
        yield Finding(claim, EXPERIMENTS[claim.id](networks))
