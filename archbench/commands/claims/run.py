"""Put claims to the test."""

from collections.abc import Callable, Sequence

from archbench.papers.claims.records import Claim, Finding


def put_claims_to_the_test(
    claims: Sequence[Claim], tell: Callable[[float], None] = lambda share: None
) -> tuple[Finding, ...]:
    """Run the experiment of each claim.

    Args:
        claims: such as `archbench.papers.statements.select()` returns.
        tell: is told the share that is done.
    """
    from archbench.papers.claims.experiments import put_to_the_test

    findings = []
    for finding in put_to_the_test(claims):
        findings.append(finding)
        tell(len(findings) / len(claims))
    return tuple(findings)
