"""Operations that are no matrix products, and how many operations a textbook gives for them.

They are shown beside the MACs, and never in them: their cost depends on the algorithm. Counts are
floating-point operations of real numbers. The Fourier transform's is that of the radix-2 algorithm
(Cooley and Tukey, 1965); those of matrices are in Golub and Van Loan, Matrix Computations, for a
matrix of m rows and n columns, m at least n.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2, prod
from typing import Any

from archbench.networks.tensors import operands

#: operation's name, its arguments, its result -> operations of one call; None where no book says
Formula = Callable[[str, Sequence[Any], Any], float | None]


@dataclass(frozen=True, slots=True)
class OtherWork:
    """The kind of an operation that is no matrix product, and the formula of its cost."""

    kind: str  #: such as "fourier transform"
    formula: Formula | None

    def operations(self, name: str, args: Sequence[Any], out: Any) -> int | None:
        """Return the floating-point operations of one call; None where no textbook gives them."""
        count = None if self.formula is None else self.formula(name, args, out)
        return None if count is None else ceil(count)


def fourier_transform(name: str, args: Sequence[Any], out: Any) -> float:
    """Return 5 N log2 N for a transform of N complex numbers, half of it for N real ones."""
    real = out if name.endswith("c2r") else args[0]  # has all N points
    points = prod(real.shape[axis] for axis in args[1])
    batch = real.numel() // points if points else 0
    per_point = 5.0 if name.endswith("c2c") else 2.5
    return float(batch * per_point * points * log2(points or 1))


def _matrices(tensor: Any) -> tuple[int, int, int]:
    """Return how many matrices a tensor holds, the larger and the smaller of their sizes."""
    rows, columns = tensor.shape[-2:]
    return prod(tensor.shape[:-2]), max(rows, columns), min(rows, columns)


def determinant(name: str, args: Sequence[Any], out: Any) -> float:
    """Return 2/3 n^3, of the factors L and U."""
    batch, n, _ = _matrices(args[0])
    return batch * 2 / 3 * n**3


def inverse(name: str, args: Sequence[Any], out: Any) -> float | None:
    """Return 2 n^3 for a square matrix."""
    batch, m, n = _matrices(args[0])
    return batch * 2 * n**3 if m == n and name.endswith("inv_ex") else None


def solver(name: str, args: Sequence[Any], out: Any) -> float | None:
    """Return n^2 k for a triangular matrix and k right sides, 2 n^2 k for one in two factors."""
    first = next(operands(out))
    if first.dim() < 2:
        return None
    batch, (n, k) = prod(first.shape[:-2]), first.shape[-2:]
    if name.endswith(("solve_triangular", "triangular_solve")):
        return batch * n * n * k
    if name.endswith("_linalg_solve_ex"):
        columns = 1 if first.dim() == args[0].dim() - 1 else k
        return _matrices(args[0])[0] * (2 / 3 * n**3 + 2 * n * n * columns)
    return batch * 2 * n * n * k if name.endswith(("lu_solve", "cholesky_solve")) else None


def factorisation(name: str, args: Sequence[Any], out: Any) -> float | None:
    """Return n^3 / 3 for Cholesky, m n^2 - n^3 / 3 for LU, and 2 m n^2 - 2/3 n^3 for QR's R."""
    batch, m, n = _matrices(args[0])
    if "cholesky" in name:
        return batch * n**3 / 3
    if "linalg_lu" in name:
        return batch * (m * n * n - n**3 / 3)
    if name.endswith("geqrf"):
        return batch * (2 * m * n * n - 2 / 3 * n**3)
    return None


def cross_product(name: str, args: Sequence[Any], out: Any) -> float:
    """Return 9 for each pair of vectors: six products and three differences."""
    return 3.0 * int(out.numel())


OTHER_WORK: Mapping[str, Formula] = {
    "cross product": cross_product,
    "determinant": determinant,
    "factorisation": factorisation,
    "fourier transform": fourier_transform,
    "inverse": inverse,
    "solver": solver,
}
