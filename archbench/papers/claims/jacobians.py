"""What the lecture notes say about the product of Jacobians, on small chains.

A layer of a chain is z -> tanh(W z), and with a shortcut z -> z + tanh(W z). Layer Jacobians are
written by hand; automatic differentiation of the whole chain is held against their product. All of
it is in float64. Norms are Frobenius norms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import torch
from torch import Tensor

from archbench.papers.claims.records import Case, Condition, Facts, Measurement, Seeds
from archbench.papers.claims.sampling import (
    ORDER_OF_MAGNITUDE,
    ROUNDING,
    SEED,
    SEEDS,
    mean_over_seeds,
    seeded,
)
from archbench.papers.networks import Networks
from archbench.tables.picture import Picture, Series

WIDTH = 16
GAIN = 0.5  # a layer shrinks what it is given to about half
LENGTHS = (2, 10, 50)
VANISHED = 0.01  # of the identity's norm: a product below that carries no gradient to speak of
SPREAD = 0.15  # for Measurement.within: of a mean over five chains


@dataclass(frozen=True, slots=True)
class Chain:
    """Layers z -> tanh(W z) and a point to start from."""

    weights: Sequence[Tensor]  #: W of each layer in turn
    start: Tensor  #: the input of the first layer
    shortcut: bool = False  #: add each layer's input to its output
    rectified: bool = False  #: follow each sum by a ReLU

    def __call__(self, z: Tensor) -> Tensor:
        """Run all layers."""
        for weight in self.weights:
            z = self._step(weight, z)
        return z

    def _step(self, weight: Tensor, z: Tensor) -> Tensor:
        out = torch.tanh(weight @ z)
        if self.shortcut:
            out = out + z
        return out.relu() if self.rectified else out

    def differentiated(self) -> Tensor:
        """Return the Jacobian of the whole chain by automatic differentiation."""
        jacobian: Tensor = torch.autograd.functional.jacobian(self, self.start)
        return jacobian

    def layer_jacobians(self) -> list[Tensor]:
        """Return diag(1 - tanh²(W z)) W of each layer, without shortcut, at its own input."""
        jacobians, z = [], self.start
        for weight in self.weights:
            jacobians.append((1 - torch.tanh(weight @ z) ** 2)[:, None] * weight)
            z = self._step(weight, z)
        return jacobians

    def masks(self) -> list[Tensor]:
        """Return which entries the ReLU after each sum lets through, as diagonal matrices."""
        masks, z = [], self.start
        for weight in self.weights:
            z = self._step(weight, z)
            masks.append(torch.diag((z > 0).to(z.dtype)))
        return masks


def draw(seed: int, layers: int, shortcut: bool = False, rectified: bool = False) -> Chain:
    """Draw a start and weights of variance GAIN² / WIDTH; chains of one seed begin alike."""
    with seeded(seed):
        start = torch.randn(WIDTH, dtype=torch.float64)
        weights = torch.randn(layers, WIDTH, WIDTH, dtype=torch.float64) * GAIN / sqrt(WIDTH)
    return Chain(list(weights), start, shortcut, rectified)


def product(factors: Sequence[Tensor]) -> Tensor:
    """Multiply matrices, later ones on the left, as the chain rule does."""
    result = identity_like(factors[0])
    for factor in factors:
        result = factor @ result
    return result


def plus_identity(jacobians: Sequence[Tensor]) -> list[Tensor]:
    """Return 1 + J of each."""
    return [identity_like(jacobian) + jacobian for jacobian in jacobians]


def identity_like(matrix: Tensor) -> Tensor:
    """Return the identity matrix of that size and dtype."""
    return torch.eye(len(matrix), dtype=matrix.dtype)


def difference(a: Tensor, b: Tensor) -> float:
    """Return how far a is from b, as a share of b."""
    return float((a - b).norm() / b.norm())


def product_plain(networks: Networks) -> Facts:
    """Compare a plain chain's Jacobian with the product of its layers' Jacobians."""
    off = {}
    for layers in LENGTHS:
        chain = draw(SEED, layers)
        off[layers] = difference(product(chain.layer_jacobians()), chain.differentiated())
    yield from _within_rounding(off)


def product_residual(networks: Networks) -> Facts:
    """Compare a residual chain's Jacobian with the product of 1 + J; with a ReLU, mask it."""
    off = {}
    for layers in LENGTHS:
        chain = draw(SEED, layers, shortcut=True)
        factors = plus_identity(chain.layer_jacobians())
        off[layers] = difference(product(factors), chain.differentiated())
    chain = draw(SEED, 10, shortcut=True, rectified=True)
    factors = plus_identity(chain.layer_jacobians())
    masked = [mask @ factor for mask, factor in zip(chain.masks(), factors, strict=True)]
    truth = chain.differentiated()
    with_mask, without = (difference(product(f), truth) for f in (masked, factors))
    what = "relative difference with a ReLU after the sum"
    yield from _within_rounding(off)
    yield Case("with a ReLU after the sum", without <= ROUNDING)
    yield _rounding(f"{what}, factors masked", with_mask)
    yield Measurement(f"{what}, factors not masked", without, 0.1, relation=">=")
    yield Condition("without a ReLU after the sum; with one, each factor is masked by it")


def _within_rounding(off: dict[int, float]) -> Facts:
    for layers, value in off.items():
        yield Case(f"for {layers} layers", value <= ROUNDING)
        yield _rounding(f"relative difference, N = {layers}", value)
    yield Seeds((SEED,))


def _rounding(what: str, value: float) -> Measurement:
    return Measurement(what, value, ROUNDING, relation="<=")


def second_line(networks: Networks) -> Facts:
    """Compare the product of 1 + J with 1 plus the product of J.

    One layer makes no product: there the two are the same by definition, which is measured but is
    no case of the statement.
    """
    half = torch.tensor([[0.5]], dtype=torch.float64)
    yield Measurement("(1 + 0.5)(1 + 0.5)", float(product(plus_identity([half, half]))), 2.25)
    yield Measurement("1 + 0.5 × 0.5", float(1 + product([half, half])), 1.25)
    yield _rounding("relative error, N = 1", _mean_error(1))
    for layers, expected in zip(LENGTHS, (0.53, 0.88, 0.985), strict=True):
        error = _mean_error(layers)
        yield Case(f"for {layers} layers", error <= ROUNDING)
        yield Measurement(f"relative error, N = {layers}", error, expected, within=SPREAD)
    what = "relative difference of the sum over all 1,024 subsets, N = 10"
    yield _rounding(what, _error_of_subsets(10))
    yield Seeds((SEED,))


def _mean_error(layers: int) -> float:
    """Average over chains how far 1 plus the product is off."""
    errors = []
    for seed in SEEDS:
        jacobians = draw(seed, layers, shortcut=True).layer_jacobians()
        wrong = identity_like(jacobians[0]) + product(jacobians)
        errors.append(difference(wrong, product(plus_identity(jacobians))))
    return sum(errors) / len(errors)


def _error_of_subsets(layers: int) -> float:
    """Expand the product of 1 + J into the sum, over all subsets of layers, of their products."""
    jacobians = draw(SEED, layers, shortcut=True).layer_jacobians()
    total = identity_like(jacobians[0])
    for size in range(1, layers + 1):
        for subset in combinations(jacobians, size):
            total = total + product(subset)
    return difference(total, product(plus_identity(jacobians)))


def norms(networks: Networks) -> Facts:
    """Follow the norms of both products, and try a chain whose layers undo their input."""
    plain, residual = _norms_by_length(shortcut=False), _norms_by_length(shortcut=True)
    undoing = [-torch.eye(WIDTH, dtype=torch.float64)] * 50
    undone = Chain(undoing, draw(SEED, 1).start, shortcut=True)
    cancelled = float(product(plus_identity(undone.layer_jacobians())).norm())
    limit = VANISHED * sqrt(WIDTH)  # sqrt(WIDTH) is the norm of the identity
    for layers, small, large in ((2, 0.76, 4.3), (10, 3.5e-3, 8.3), (50, 9e-16, 24.6)):
        yield Case(f"for {layers} layers of random weights", residual[layers - 1] > limit)
        for name, found, should in (("plain", plain, small), ("residual", residual, large)):
            value = found[layers - 1]
            what = f"norm of the {name} product, N = {layers}"
            yield Measurement(what, value, should, within=ORDER_OF_MAGNITUDE)
    yield Case("for 50 layers that undo their input, W = -1", cancelled > limit)
    what = "norm of the residual product where W = -1, N = 50"
    yield Measurement(what, cancelled, limit, relation="<=")
    yield Condition("for random weights; where every layer undoes its input (W = -1) it vanishes")
    yield Seeds(SEEDS)
    yield _norms_picture(plain, residual)


def _norms_by_length(shortcut: bool, wrong: bool = False) -> tuple[float, ...]:
    """Average the norm of the product of the first 1, 2, ... layers, or of 1 plus that of J."""

    def norms_of(seed: int) -> list[float]:
        factors = draw(seed, max(LENGTHS), shortcut).layer_jacobians()
        if shortcut and not wrong:
            factors = plus_identity(factors)
        result = one = identity_like(factors[0])
        found = []
        for factor in factors:
            result = factor @ result
            found.append(float((one + result if wrong else result).norm()))
        return found

    return mean_over_seeds(norms_of)


def _norms_picture(plain: Sequence[float], residual: Sequence[float]) -> Picture:
    wrong = _norms_by_length(shortcut=True, wrong=True)
    lengths = tuple(float(n) for n in range(1, len(plain) + 1))
    return Picture(
        name="jacobian-norms",
        title="A plain chain's Jacobian vanishes; the shortcuts' product grows",
        x_label="layers",
        y_label="Frobenius norm",
        series=(
            Series("plain: product of J", lengths, tuple(plain)),
            Series("residual: product of (1 + J)", lengths, tuple(residual)),
            Series("the notes' 1 + product of J", lengths, tuple(wrong)),
        ),
        log_y=True,
    )


EXPERIMENTS = {
    "gradient.product-plain": product_plain,
    "gradient.product-residual": product_residual,
    "gradient.second-line": second_line,
    "gradient.norms": norms,
}
