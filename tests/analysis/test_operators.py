"""Every operation of torch stands in one of the lists, and what is counted costs what it should."""

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import archbench
from archbench.analysis.operators import name_of, placing_of, table
from archbench.analysis.other_work import OTHER_WORK
from archbench.analysis.records import Profile
from archbench.analysis.rules import RULES
from archbench.csv_tables import rows_of

PINNED = "2.13"  # the release whose operations were gone through
TORCH_S_OWN = set(
    "_c10d_functional _c10d_functional_autograd _dtensor _native _quantized aten c10d debugprims "
    "export inductor inductor_prims mkl mkldnn mkldnn_prepacked onednn prims profiler quantization "
    "quantized rngprims sparse static_runtime symm_mem".split()
)
OF_TORCH_S_TESTS = ("aten._test_", "aten._foobar", "_test.")


def unplaced() -> set[str]:
    """The operations of this torch that no list, tag or formula places."""
    found = set()
    for full in torch._C._dispatch_get_all_op_names():
        namespace, _, rest = full.partition("::")
        name, _, overload = rest.partition(".")
        packet = getattr(getattr(torch.ops, namespace), name, None)
        operation = getattr(packet, overload or "default", None)
        others = namespace not in TORCH_S_OWN or f"{namespace}.{name}".startswith(OF_TORCH_S_TESTS)
        if operation is None or others:
            continue
        composite = torch._C._dispatch_has_kernel_for_dispatch_key(
            full, "CompositeImplicitAutograd"
        )
        listed = {name_of(operation), name_of(operation).rstrip("_")} & table().keys()
        if placing_of(operation).bucket == "unknown" and not composite and not listed:
            found.add(name_of(operation))
    return found


def test_every_operation_of_torch_is_placed() -> None:
    """On the pinned torch none is left; on another one those that are new are named."""
    left = sorted(unplaced())
    if torch.__version__.startswith(PINNED):
        assert left == []
    elif left:
        warnings.warn(f"not placed in operators.csv: {', '.join(left)}", stacklevel=1)


def test_the_list_holds_each_operation_once_under_a_known_rule() -> None:
    """And what counts names its rule, other work its kind."""
    rows = rows_of("analysis/operators.csv")
    assert [name for name, n in Counter(row["operator"] for row in rows).items() if n > 1] == []
    assert {row["bucket"] for row in rows} == {"counted", "other", "zero", "unknown"}
    for row in rows:
        assert (row["rule"] in RULES) == (row["bucket"] == "counted"), row
        assert bool(row["rule"]) == (row["bucket"] in ("counted", "other")), row
    assert OTHER_WORK.keys() <= {row["rule"] for row in rows}


def profile(function: Callable[..., Any], *inputs: Tensor) -> Profile:
    """Profile a function as a network."""

    class Calls(nn.Module):
        def forward(self, *given: Tensor) -> Any:
            return function(*given)

    return archbench.profile(Calls(), inputs=inputs)


def spelled_out(function: Callable[..., Any], *inputs: Tensor) -> int:
    """Half of what torch's own counter says of the same products written out."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        function(*inputs)
    return counter.get_total_flops() // 2


def test_a_bilinear_layer_is_two_products() -> None:
    """x1 by the weight, then that by x2: 8·40·(20·30 + 30), as einsum does it."""
    model = nn.Bilinear(20, 30, 40)
    x, y = torch.ones(8, 20), torch.ones(8, 30)
    totals = archbench.profile(model, inputs=(x, y)).totals
    assert (totals.macs, totals.depth) == (201_600, 1)

    def einsum(x: Tensor, y: Tensor) -> Tensor:
        return (torch.einsum("bi,oij->boj", x, model.weight) * y[:, None]).sum(-1)

    assert totals.macs == spelled_out(einsum, x, y) + 8 * 40 * 30


@pytest.mark.skipif(not hasattr(torch, "_grouped_mm"), reason="this torch has no grouped product")
def test_a_grouped_product_costs_what_a_loop_over_its_groups_does() -> None:
    """Rows by their group's matrix; columns that are cut are each used once."""
    rows, cuts = torch.ones(24, 16, dtype=torch.bfloat16), torch.tensor([8, 24], dtype=torch.int32)
    matrices = torch.ones(2, 16, 32, dtype=torch.bfloat16)
    found = profile(lambda a, b: torch._grouped_mm(a, b, offs=cuts.to(a.device)), rows, matrices)
    assert found.totals.macs == 24 * 16 * 32
    assert found.totals.complete
    left, right = torch.ones(8, 32, dtype=torch.bfloat16), torch.ones(32, 16, dtype=torch.bfloat16)
    ends = torch.tensor([16, 32], dtype=torch.int32)
    found = profile(lambda a, b: torch._grouped_mm(a, b, offs=ends.to(a.device)), left, right)
    assert found.totals.macs == 8 * 32 * 16


@pytest.mark.parametrize("rows", [5, 50])
def test_a_distance_costs_the_product_that_yields_it(rows: int) -> None:
    """torch.cdist runs it as one operation for few rows, as another for many."""
    x, y = torch.ones(rows, 7), torch.ones(rows + 1, 7)
    assert profile(torch.cdist, x, y).totals.macs == rows * (rows + 1) * 7
    assert profile(lambda a, b: torch.cdist(a, b, p=1), x, y).totals.macs == 0


def test_factors_of_an_einsum_are_multiplied_from_left_to_right() -> None:
    """With opt_einsum, which some machines have, the order would be another one."""
    shapes = (torch.ones(100, 2), torch.ones(2, 100), torch.ones(100, 3))
    found = profile(lambda a, b, c: torch.einsum("ij,jk,kl->il", a, b, c), *shapes)
    assert found.totals.macs == 100 * 2 * 100 + 100 * 100 * 3
    assert torch.backends.opt_einsum.enabled == torch.backends.opt_einsum.is_available()


@pytest.mark.parametrize("reads", [False, True], ids=["taken apart", "fused"])
def test_a_backward_pass_of_attention_is_four_products(reads: bool) -> None:
    """The gradients of values, probabilities, queries and keys, on meta and on the CPU alike."""

    def adapts(q: Tensor) -> Tensor:
        if reads:
            float(q.sum())
        with torch.enable_grad():
            q = q.detach().requires_grad_()
            F.scaled_dot_product_attention(q, q, q).sum().backward()
        return q

    found = profile(adapts, torch.ones(1, 2, 5, 8))
    assert found.device == ("cpu" if reads else "meta")
    assert found.totals.macs == (2 + 4) * 2 * 5 * 5 * 8


OTHERS: list[tuple[Callable[..., Any], Tensor, str, int | None]] = [
    (torch.fft.fft2, torch.ones(2, 8, 8), "fourier transform", 2 * 5 * 64 * 6),
    (torch.fft.rfft, torch.ones(2, 64), "fourier transform", 2 * 5 * 64 * 6 // 2),
    (torch.linalg.det, torch.eye(6), "determinant", 2 * 6**3 // 3),
    (torch.linalg.inv, torch.eye(6), "inverse", 2 * 6**3),
    (torch.linalg.cholesky, torch.eye(6), "factorisation", 6**3 // 3),
    (lambda a: torch.linalg.lu_factor(a)[0], torch.eye(6), "factorisation", 2 * 6**3 // 3),
    (lambda a: torch.linalg.solve(a, a), torch.eye(6), "solver", 2 * 6**3 // 3 + 2 * 6**3),
    (lambda a: torch.linalg.svd(a)[1], torch.eye(6), "singular values", None),
    (lambda a: torch.linalg.eigh(a)[0], torch.eye(6), "eigenvalues", None),
    (torch.linalg.matrix_exp, torch.eye(6), "matrix exponential", None),
    (lambda a: torch.linalg.cross(a, a), torch.ones(4, 3), "cross product", 36),
]


@pytest.mark.parametrize(("function", "given", "kind", "count"), OTHERS)
def test_other_work_stands_beside_the_macs(
    function: Callable[..., Any], given: Tensor, kind: str, count: int | None
) -> None:
    """With the operations that a textbook gives; the count of MACs is complete without it."""
    found = profile(function, given)
    (work,) = [one for one in found.operations if one.bucket == "other"]
    assert (work.kind, work.operations, work.calls) == (kind, count, 1)
    assert (found.totals.macs, found.totals.complete) == (0, True)
    assert work.to_dict()["operations"] == count


def test_views_and_copies_are_zero() -> None:
    """Operations that torch does not tag are in the list of zeros."""

    def moves(x: Tensor) -> Tensor:
        x = x.repeat_interleave(2, 0).unfold(0, 2, 1) * torch.linspace(0, 1, 2, device=x.device)
        return x.to_sparse().to_dense()

    found = profile(moves, torch.ones(3, 3))
    assert (found.totals.macs, found.gaps) == (0, ())


@pytest.mark.filterwarnings("ignore:.*torch.ao.quantization", "ignore:.*quantize_per_tensor")
def test_quantised_layers_are_counted_from_their_packed_weights() -> None:
    """A linear layer whose weights are no parameters any more."""
    linear = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(32, 64)))
    assert archbench.profile(linear, "float32:32", batch_size=3).totals.macs == 3 * 32 * 64


def test_a_deformable_convolution_costs_what_an_ordinary_one_does() -> None:
    """Outputs by the kernel and a group's channels; where it looks costs nothing."""
    x, weight, shifts = torch.empty(1, 6, 8, 8), torch.empty(8, 3, 3, 3), torch.empty(1, 18, 6, 6)
    out = torch.empty(1, 8, 6, 6)
    cost = RULES["deformable convolution"]((x, weight, shifts), {}, out)
    assert cost == RULES["convolution"]((x, weight), {}, out) == (8 * 36 * 27, 8 * 36)
    assert table()["torchvision.deform_conv2d"].rule is RULES["deformable convolution"]


def test_packed_convolutions_are_counted_from_the_weight_that_they_unpack() -> None:
    """An ordinary one by its outputs, a transposed one by its inputs."""

    class Weights:
        def unpack(self) -> tuple[Tensor, None]:
            return torch.empty(8, 3, 3, 3), None

    x, out = torch.empty(1, 8, 4, 4), torch.empty(1, 8, 6, 6)
    assert RULES["packed convolution"]((x, Weights()), {}, out) == (8 * 36 * 27, 8 * 36)
    transposed = RULES["packed transposed convolution"]((x, Weights()), {}, out)
    assert transposed == (8 * 16 * 27, 8 * 36)
