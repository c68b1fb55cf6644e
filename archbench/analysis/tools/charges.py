"""Charges: multiples of the elements that ran, which a tool counts and archbench does not.

A tool that looks at modules knows some of torch's own classes, exactly; one that traces operations
sees functions too.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from archbench.analysis.tools.module_uses import FunctionUse, ModuleUse, Uses
from archbench.analysis.tools.records import Term


@dataclass(frozen=True, slots=True)
class Charge:
    """A difference between a tool's count and archbench's: a multiple of elements that ran."""

    term: str  #: its name in the sum
    names: frozenset[str]  #: classes or functions
    measure: str  #: the attribute of ModuleUse or FunctionUse that is multiplied
    times: int = 1  #: the factor; negative where the tool counts less
    affine: bool | None = None  #: only normalisation with (True) or without (False) a learned scale

    def amount(self, uses: Uses) -> int:
        """Return the sum over all uses."""
        amount: int = sum(
            getattr(use, self.measure)
            for use in self.charged(uses)
            if self.affine in (None, use.affine)
        )
        return self.times * amount

    def charged(self, uses: Uses) -> Iterable[ModuleUse | FunctionUse]:
        """Return the uses that the charge applies to."""
        raise NotImplementedError


class Modules(Charge):
    """A charge for called modules of some of torch's own classes."""

    def charged(self, uses: Uses) -> Iterable[ModuleUse]:
        """Return the called modules of these classes."""
        return (use for use in uses.modules if _is_known(use, self.names))


class OtherModules(Charge):
    """A charge for all other modules: a tool has no rule for them."""

    def charged(self, uses: Uses) -> Iterable[ModuleUse]:
        """Return the modules of other classes, and those that were not called."""
        return (use for use in uses.modules if not _is_known(use, self.names))


class Functions(Charge):
    """A charge for calls of functions."""

    def charged(self, uses: Uses) -> Iterable[FunctionUse]:
        """Return the calls of these functions."""
        return (use for use in uses.functions if use.name in self.names)


def _is_known(use: ModuleUse, names: frozenset[str]) -> bool:
    return use.calls > 0 and use.is_torch_class and use.name in names


def terms(charges: Iterable[Charge], uses: Uses) -> tuple[Term, ...]:
    """Return the terms of a table of charges; those that come to 0 are left out."""
    amounts = ((charge.term, charge.amount(uses)) for charge in charges)
    return tuple(Term(name, amount) for name, amount in amounts if amount)
