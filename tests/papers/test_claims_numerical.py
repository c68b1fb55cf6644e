"""Claims that are tried on numbers: gradients, Jacobians, identities, growth, counts of ResNets."""

from fractions import Fraction

import pytest
import torch
from torch import nn

from archbench.networks.archs import preact_resnet, resnet
from archbench.papers.claims import (
    gradients,
    identity,
    jacobians,
    residual_scaling,
)
from archbench.papers.claims.jacobians import Chain
from archbench.papers.claims.sampling import seeded
from archbench.papers.figures import figure
from archbench.papers.judge import parse
from archbench.papers.layers import parameters, projections

# -- Jacobians -------------------------------------------------------------------------------------


def test_the_product_has_later_layers_on_the_left() -> None:
    """Two 2×2 matrices, multiplied by hand: ((0,1),(1,0)) ((1,2),(3,4)) = ((3,4),(1,2))."""
    first, second = torch.tensor([[1.0, 2], [3, 4]]), torch.tensor([[0.0, 1], [1, 0]])
    assert jacobians.product([first, second]).tolist() == [[3, 4], [1, 2]]
    # (1 + second)(1 + first) = ((1,1),(1,1)) ((2,2),(3,5))
    factors = jacobians.plus_identity([first, second])
    assert jacobians.product(factors).tolist() == [[5, 7], [5, 7]]


def test_a_layer_jacobian_is_the_weight_where_the_tanh_is_steepest() -> None:
    """At zero its slope is 1; a wrong weight is seen by the difference."""
    weight, start = torch.tensor([[1.0, 2], [3, 4]]), torch.zeros(2)
    chain = Chain([weight], start, shortcut=True)
    assert chain.layer_jacobians()[0].tolist() == weight.tolist()
    assert chain.differentiated().tolist() == [[2, 2], [3, 5]]
    assert jacobians.difference(2 * weight, weight) == 1


# -- gradients -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", gradients.BUILD)
def test_gradients_are_taken_at_every_block(kind: str) -> None:
    """Nine blocks of ResNet-20 and the input of the first, each with a gradient of its shape."""
    pairs = gradients.backward(kind, 20, seed=1)
    assert [tuple(output.shape[1:]) for output, _ in pairs] == (
        [(16, 32, 32)] * 4 + [(32, 16, 16)] * 3 + [(64, 8, 8)] * 3
    )
    assert all(output.shape == gradient.shape for output, gradient in pairs)


def test_the_last_gradient_is_that_of_the_classifier() -> None:
    """Behind the last block stand an average over 8×8 and a linear layer: its gradient by hand."""
    output, gradient = gradients.backward("residual", 20, seed=1)[-1]
    with seeded(1):
        network = resnet.build(20)
        torch.randn(gradients.BATCH, 3, 32, 32)
        labels = torch.randint(10, (gradients.BATCH,))
    fc = network.get_submodule("fc")
    probabilities = fc(output.mean(dim=(2, 3))).softmax(dim=1)
    by_logits = (probabilities - nn.functional.one_hot(labels, 10)) / gradients.BATCH
    by_hand = (by_logits @ fc.weight / 64)[:, :, None, None].expand_as(gradient)
    torch.testing.assert_close(gradient, by_hand)


def test_normalisation_is_taken_out_whole() -> None:
    """No batch normalisation stays, and the convolutions do."""
    network = gradients.without_normalisation(resnet.build(20))
    kinds = [type(module) for module in network.modules()]
    assert nn.BatchNorm2d not in kinds
    assert kinds.count(nn.Conv2d) == 19


@pytest.mark.parametrize("depth", gradients.DEPTHS)
def test_pre_activation_networks_have_their_depth(depth: int) -> None:
    """The stem, two convolutions in each unit, and as many units as the residual network."""
    network = preact_resnet.build(depth)
    assert sum(isinstance(m, nn.Conv2d) for m in network.modules()) == depth - 1
    assert len(gradients.blocks(network)) == len(gradients.blocks(resnet.build(depth)))


# -- identity --------------------------------------------------------------------------------------


def test_a_branch_whose_last_scale_is_not_zero_is_no_identity() -> None:
    """What decides the identity claims can come out false."""
    block = identity.block()
    x = torch.ones(1, identity.WIDTH, 8, 8, dtype=torch.float64)
    norm = identity.last(block, nn.BatchNorm2d)
    identity.zero(norm)
    assert identity.change(block, x) == 0
    nn.init.constant_(norm.weight, 0.01)
    assert identity.change(block, x) > 0


def test_delta_kernels_copy_their_input_only_where_it_is_not_negative() -> None:
    """A plain block ends in a ReLU."""
    plain = identity.bare_block(shortcut=False)
    identity.delta_kernels(plain)
    x = torch.full((1, identity.WIDTH, 8, 8), 0.5, dtype=torch.float64)
    assert identity.change(plain, x) == 0
    assert identity.change(plain, -x) == 0.5


# -- growth ----------------------------------------------------------------------------------------


def test_a_normalised_branch_gives_a_second_moment_of_one() -> None:
    """So that 20 of them, scaled by s, add 20 s² to what they are added to."""
    with seeded(1), torch.no_grad():
        x = torch.randn(32, residual_scaling.WIDTH, 8, 8)
        normalised = residual_scaling.branch(True)(x)
        bare = residual_scaling.branch(False)(x)
    assert float(normalised.square().mean()) == pytest.approx(1, abs=1e-3)
    assert float(bare.square().mean()) == pytest.approx((1 - 1 / 12) ** 4, rel=0.1)  # zeros around


# -- counting --------------------------------------------------------------------------------------


def test_counts_are_written_as_they_are_printed() -> None:
    """With the digits and the unit of the figure; cut where asked."""
    fifty, twenty = (
        parse(figure(f"resnet.{name}"))
        for name in ("table1.resnet50.flops", "table6.resnet20.params")
    )
    assert fifty is not None and twenty is not None
    assert fifty.rounded(Fraction(3_857_973_248)) == "3.9"
    assert fifty.cut(Fraction(3_857_973_248)) == "3.8"
    assert twenty.rounded(Fraction(269_722)) == "0.27"


def test_projections_and_normalisation_are_counted_by_hand() -> None:
    """One block of option B: a 1×1 convolution, and three normalisations of 8 channels."""
    block = resnet.block("basic", 4, 8, 2, "B", "1x1")
    assert projections(nn.Sequential(block)) == 1
    assert parameters(block) == (8 * 4 * 9 + 8 * 8 * 9 + 8 * 4, 0, 2 * 3 * 8)
