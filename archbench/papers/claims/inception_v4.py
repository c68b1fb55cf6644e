"""What the lecture notes say about Inception-v4 and the Inception-ResNets."""

from collections.abc import Sequence

from torch import nn

from archbench.networks.archs.parts.branches import ResidualBranches
from archbench.papers.claims.records import Case, Facts, Measurement
from archbench.papers.claims.structure import fed_by, kernel, size, steps, wiring
from archbench.papers.figures import figure
from archbench.papers.layers import parameters
from archbench.papers.networks import Networks

ABOUT = 0.10  # how far apart two costs may be that are "about the same"
BLOCKS = ("inception_resnet_a", "inception_resnet_b", "inception_resnet_c")
SHARED = ("reduction_a", "reduction_b", *BLOCKS)


def _params(modules: Sequence[nn.Module]) -> list[int]:
    return [sum(tensor.numel() for tensor in module.parameters()) for module in modules]


def uniform(networks: Networks) -> Facts:
    """Count the parameters of every module of both networks, kind by kind."""
    later, earlier = networks.module("inception-v4"), networks.module("inception-v3")
    for kind, repeated, expected, mixed, others in (
        ("a", 4, 317_632, "bcd", (255_904, 277_472, 285_152)),
        ("b", 7, 2_936_256, "bcde", (1_297_408, 1_691_008, 1_691_008, 2_141_952)),
        ("c", 3, 4_553_088, "bc", (5_044_608, 6_076_800)),
    ):
        uniform_ones = _params(list(later.get_submodule(f"inception_{kind}").children()))
        number = "abc".index(kind) + 5
        others_found = _params([earlier.get_submodule(f"Mixed_{number}{i}") for i in mixed])
        yield Case(
            f"of modules {kind.upper()}", len(set(uniform_ones)) == 1 < len(set(others_found))
        )
        yield Measurement(f"modules {kind.upper()} of inception-v4", len(uniform_ones), repeated)
        for i, found in enumerate(uniform_ones, 1):
            yield Measurement(f"params of {kind.upper()} {i} of inception-v4", found, expected)
        for letter, found, other in zip(mixed, others_found, others, strict=True):
            yield Measurement(f"params of Mixed_{number}{letter} of inception-v3", found, other)


# -- costs -----------------------------------------------------------------------------------------


def _beside(
    networks: Networks, when: str, name: str, expected: int, other: str, percent: float
) -> Facts:
    """Divide a network's MACs by those of another."""
    macs, others = networks.profile(name).totals.macs, networks.profile(other).totals.macs
    more = macs / others - 1
    yield Case(when, abs(more) <= ABOUT)
    yield Measurement(f"MACs of {name}", macs, expected)
    yield Measurement(f"percent that {name} costs more", round(100 * more, 1), percent)


def v1_cost(networks: Networks) -> Facts:
    """Divide the MACs of Inception-ResNet-v1 by those of Inception-v3."""
    v1, v3 = "inception-resnet-v1", "inception-v3"
    yield from _beside(networks, "at 299×299", v1, 6_206_361_696, v3, 8.6)
    own = networks.profile(v3).totals.macs
    yield Measurement("MACs of inception-v3", own, 5_713_216_096)


def v2_cost(networks: Networks) -> Facts:
    """Divide the MACs of both Inception-ResNet-v2 by those of Inception-v4."""
    drawn, released, v4 = "inception-resnet-v2-paper", "inception-resnet-v2", "inception-v4"
    yield from _beside(networks, "of the network as drawn", drawn, 9_257_953_632, v4, -24.4)
    yield from _beside(networks, "of the network as released", released, 13_155_794_016, v4, 7.4)
    own = networks.profile(v4).totals.macs
    yield Measurement("MACs of inception-v4", own, 12_253_974_624)


# -- structure -------------------------------------------------------------------------------------


def _stages_alike(one: nn.Module, other: nn.Module) -> dict[str, bool]:
    """Say of each shared stage whether kernels and connections are those of the other network."""
    return {
        stage: wiring(one.get_submodule(stage)) == wiring(other.get_submodule(stage))
        for stage in SHARED
    }


def same_structure(networks: Networks) -> Facts:
    """Compare Inception-ResNet-v1 with both v2, stage by stage and without their widths."""
    first = networks.module("inception-resnet-v1")
    for name, alike_stages in (("inception-resnet-v2-paper", 5), ("inception-resnet-v2", 2)):
        second = networks.module(name)
        alike = _stages_alike(first, second)
        others = [
            wiring(first.get_submodule("stem")) != wiring(second.get_submodule("stem")),
            *(
                parameters(first.get_submodule(stage)).weights
                != parameters(second.get_submodule(stage)).weights
                for stage in SHARED
            ),
        ]
        which = "as drawn" if name.endswith("paper") else "as released"
        yield Case(f"of the networks {which}", all(alike.values()) and all(others))
        yield Measurement(f"stages of v2 {which} wired as v1's", sum(alike.values()), alike_stages)
    stems = set()
    for name, expected, counts in (
        ("inception-resnet-v1", "35×35×256", "5/10/5"),
        ("inception-resnet-v2-paper", "35×35×384", "5/10/5"),
        ("inception-resnet-v2", "35×35×320", "10/20/10"),
    ):
        network = networks.module(name)
        stems.add(wiring(network.get_submodule("stem")))
        stem = size(networks.stage(name, "stem").output_shape)
        blocks = "/".join(str(len(list(network.get_submodule(b).children()))) for b in BLOCKS)
        yield Measurement(f"output of the stem of {name}", stem, expected)
        yield Measurement(f"blocks of {name}", blocks, counts)
    yield Measurement("different stems", len(stems), 3)


def _linear_to_the_sum(block: ResidualBranches) -> bool:
    """Say whether the 1×1 projection feeds the sum through nothing but its scale."""
    chain = steps(block)
    place = next(i for i, step in enumerate(chain) if step.layer is block.project)
    (scaled,) = fed_by(chain, place)
    (summed,) = fed_by(chain, chain.index(scaled))
    return kernel(block.project) == "1×1" and (scaled.name, summed.name) == ("mul", "add")


def dimension_matching(networks: Networks) -> Facts:
    """Read the projection of every block: its channels, and what stands behind it."""
    for name, expected in (
        ("inception-resnet-v1", ("96 → 256", "256 → 896", "384 → 1792")),
        ("inception-resnet-v2-paper", ("128 → 384", "384 → 1152", "448 → 2144")),
    ):
        for stage, widths in zip(BLOCKS, expected, strict=True):
            trunk = networks.stage(name, stage).input_shape
            blocks = list(networks.module(name).get_submodule(stage).children())
            found, fits = set(), []
            for block in blocks:
                assert isinstance(block, ResidualBranches) and trunk is not None
                found.add(f"{block.project.in_channels} → {block.project.out_channels}")
                fits.append(block.project.out_channels == trunk[0] and _linear_to_the_sum(block))
            yield Case(f"in {stage} of {name}", all(fits))
            yield Measurement(f"projection in {stage} of {name}", ", ".join(found), widths)
    for number, part, expected_gap in ((17, "b", 2), (19, "c", -96)):
        printed = int(figure(f"inception-resnet-v2.figure{number}.{part}_up_projection").value)
        trunk = networks.stage("inception-resnet-v2-paper", f"inception_resnet_{part}").input_shape
        assert trunk is not None
        yield Measurement(f"channels too many in figure {number}", printed - trunk[0], expected_gap)


EXPERIMENTS = {
    "inception-v4.uniform": uniform,
    "inception-resnet-v1.cost": v1_cost,
    "inception-resnet-v2.cost": v2_cost,
    "inception-resnet.same-structure": same_structure,
    "inception-resnet.dimension-matching": dimension_matching,
}
