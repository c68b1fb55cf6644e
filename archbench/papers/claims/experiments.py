"""Every claim's experiment, by the claim's id."""

from collections.abc import Callable, Iterator, Sequence

import torch

from archbench.papers.claims import (
    auxiliary_heads,
    baselines,
    batch_norm,
    degradation,
    errors,
    factorisation,
    googlenet,
    googlenet_table1,
    gradients,
    identity,
    inception_v2,
    inception_v3,
    inception_v4,
    jacobians,
    modules,
    residual_scaling,
    resnets,
    shortcuts,
)
from archbench.papers.claims.records import Claim, Evidence, Facts, Finding
from archbench.papers.networks import Networks

Experiment = Callable[[Networks], Facts]

EXPERIMENTS: dict[str, Experiment] = {
    **modules.EXPERIMENTS,
    **factorisation.EXPERIMENTS,
    **googlenet.EXPERIMENTS,
    **googlenet_table1.EXPERIMENTS,
    **auxiliary_heads.EXPERIMENTS,
    **baselines.EXPERIMENTS,
    **batch_norm.EXPERIMENTS,
    **inception_v2.EXPERIMENTS,
    **inception_v3.EXPERIMENTS,
    **inception_v4.EXPERIMENTS,
    **errors.EXPERIMENTS,
    **residual_scaling.EXPERIMENTS,
    **shortcuts.EXPERIMENTS,
    **resnets.EXPERIMENTS,
    **jacobians.EXPERIMENTS,
    **gradients.EXPERIMENTS,
    **identity.EXPERIMENTS,
    **degradation.EXPERIMENTS,
}


def run_experiments(claims: Sequence[Claim]) -> Iterator[Finding]:
    """Run the experiment of each claim in turn; the caller's random numbers stay as they were."""
    networks = Networks()
    for claim in claims:
        with torch.random.fork_rng(devices=()):
            evidence = Evidence.of(EXPERIMENTS[claim.id](networks))
        yield Finding(claim, evidence)
