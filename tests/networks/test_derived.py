"""Networks of which nobody publishes totals, derived by hand from the papers' figures.

Each convolution is written with the channels it gets and gives and the side of the grid that it
makes, so that nothing here follows from the shelf's own code. (kernel height, width, in, out, side)
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

import archbench
from tests.shelf import counted

Conv = tuple[int, int, int, int, int]

STEM_BOTTOM: tuple[Conv, ...] = ((3, 3, 3, 32, 149), (3, 3, 32, 32, 147), (3, 3, 32, 64, 147))

# -- Inception-v2: Table 1, with the inner widths of Inception-v3 ----------------------------------

V2_STEM = (*STEM_BOTTOM, (3, 3, 64, 80, 71), (3, 3, 80, 192, 35), (3, 3, 192, 288, 35))
V2_STEM_7X7 = ((7, 7, 3, 64, 147), (3, 3, 64, 80, 71), (3, 3, 80, 192, 35), (3, 3, 192, 288, 35))
V2_FIG5 = (
    (1, 1, 288, 64, 35),
    *((1, 1, 288, 48, 35), (3, 3, 48, 64, 35)),
    *((1, 1, 288, 64, 35), (3, 3, 64, 96, 35), (3, 3, 96, 96, 35)),
    (1, 1, 288, 64, 35),
)
V2_TO_17 = (
    (3, 3, 288, 384, 17),
    *((1, 1, 288, 64, 35), (3, 3, 64, 96, 35), (3, 3, 96, 96, 17)),
)
V2_TO_8 = (
    *((1, 1, 768, 192, 17), (3, 3, 192, 320, 8)),
    *((1, 1, 768, 192, 17), (1, 7, 192, 192, 17), (7, 1, 192, 192, 17), (3, 3, 192, 192, 8)),
)


def v2_fig6(c: int) -> tuple[Conv, ...]:
    return (
        (1, 1, 768, 192, 17),
        *((1, 1, 768, c, 17), (1, 7, c, c, 17), (7, 1, c, 192, 17)),
        *((1, 1, 768, c, 17), (7, 1, c, c, 17), (1, 7, c, c, 17), (7, 1, c, c, 17)),
        (1, 7, c, 192, 17),
        (1, 1, 768, 192, 17),
    )


def v2_fig7(c_in: int) -> tuple[Conv, ...]:
    return (
        (1, 1, c_in, 320, 8),
        *((1, 1, c_in, 384, 8), (1, 3, 384, 384, 8), (3, 1, 384, 384, 8)),
        *((1, 1, c_in, 448, 8), (3, 3, 448, 384, 8), (1, 3, 384, 384, 8), (3, 1, 384, 384, 8)),
        (1, 1, c_in, 192, 8),
    )


def v2(stem: tuple[Conv, ...], inner: Iterable[int]) -> list[Conv]:
    """All normalised convolutions of one version."""
    modules = [conv for c in inner for conv in v2_fig6(c)]
    return [*stem, *V2_FIG5 * 3, *V2_TO_17, *modules, *V2_TO_8, *v2_fig7(1280), *v2_fig7(2048)]


# -- Inception-ResNet-v1, and v2 as drawn ----------------------------------------------------------

V1_STEM = (*STEM_BOTTOM, (1, 1, 64, 80, 73), (3, 3, 80, 192, 71), (3, 3, 192, 256, 35))
V1_A = (
    (1, 1, 256, 32, 35),
    *((1, 1, 256, 32, 35), (3, 3, 32, 32, 35)),
    *((1, 1, 256, 32, 35), (3, 3, 32, 32, 35), (3, 3, 32, 32, 35)),
)
V1_TO_17 = (
    (3, 3, 256, 384, 17),
    *((1, 1, 256, 192, 35), (3, 3, 192, 192, 35), (3, 3, 192, 256, 17)),
)
V1_B = (
    (1, 1, 896, 128, 17),
    *((1, 1, 896, 128, 17), (1, 7, 128, 128, 17), (7, 1, 128, 128, 17)),
)
V1_TO_8 = (
    *((1, 1, 896, 256, 17), (3, 3, 256, 384, 8)),
    *((1, 1, 896, 256, 17), (3, 3, 256, 256, 8)),
    *((1, 1, 896, 256, 17), (3, 3, 256, 256, 17), (3, 3, 256, 256, 8)),
)
V1_C = (
    (1, 1, 1792, 192, 8),
    *((1, 1, 1792, 192, 8), (1, 3, 192, 192, 8), (3, 1, 192, 192, 8)),
)
V1 = [*V1_STEM, *V1_A * 5, *V1_TO_17, *V1_B * 10, *V1_TO_8, *V1_C * 5]
V1_SUMS = [(96, 256, 35)] * 5 + [(256, 896, 17)] * 10 + [(384, 1792, 8)] * 5

DRAWN_STEM = (
    *STEM_BOTTOM,
    (3, 3, 64, 96, 73),
    *((1, 1, 160, 64, 73), (3, 3, 64, 96, 71)),
    *((1, 1, 160, 64, 73), (1, 7, 64, 64, 73), (7, 1, 64, 64, 73), (3, 3, 64, 96, 71)),
    (3, 3, 192, 192, 35),
)
DRAWN_A = (
    (1, 1, 384, 32, 35),
    *((1, 1, 384, 32, 35), (3, 3, 32, 32, 35)),
    *((1, 1, 384, 32, 35), (3, 3, 32, 48, 35), (3, 3, 48, 64, 35)),
)
DRAWN_TO_17 = (
    (3, 3, 384, 384, 17),
    *((1, 1, 384, 256, 35), (3, 3, 256, 256, 35), (3, 3, 256, 384, 17)),
)
DRAWN_B = (
    (1, 1, 1152, 192, 17),
    *((1, 1, 1152, 128, 17), (1, 7, 128, 160, 17), (7, 1, 160, 192, 17)),
)
DRAWN_TO_8 = (
    *((1, 1, 1152, 256, 17), (3, 3, 256, 384, 8)),
    *((1, 1, 1152, 256, 17), (3, 3, 256, 288, 8)),
    *((1, 1, 1152, 256, 17), (3, 3, 256, 288, 17), (3, 3, 288, 320, 8)),
)
DRAWN_C = (
    (1, 1, 2144, 192, 8),
    *((1, 1, 2144, 192, 8), (1, 3, 192, 224, 8), (3, 1, 224, 256, 8)),
)
DRAWN = [*DRAWN_STEM, *DRAWN_A * 5, *DRAWN_TO_17, *DRAWN_B * 10, *DRAWN_TO_8, *DRAWN_C * 5]
DRAWN_SUMS = [(128, 384, 35)] * 5 + [(384, 1152, 17)] * 10 + [(448, 2144, 8)] * 5


def derived(convs: list[Conv], sums: list[tuple[int, int, int]], features: int) -> tuple[int, int]:
    """Params and MACs: two values a normalised channel; sums and classifier have biases."""
    params = sum(h * w * a * b + 2 * b for h, w, a, b, _ in convs)
    macs = sum(h * w * a * b * side * side for h, w, a, b, side in convs)
    params += sum(a * b + b for a, b, _ in sums) + features * 1000 + 1000
    macs += sum(a * b * side * side for a, b, side in sums) + features * 1000
    return params, macs


WIDTHS = (128, 160, 160, 192, 192)
CASES: list[tuple[str, Mapping[str, Any], tuple[int, int]]] = [
    ("inception-v2", {}, derived(v2(V2_STEM, WIDTHS), [], 2048)),
    ("inception-v2", {"stem": "7x7"}, derived(v2(V2_STEM_7X7, WIDTHS), [], 2048)),
    ("inception-v2", {"modules_17x17": 4}, derived(v2(V2_STEM, WIDTHS[:4]), [], 2048)),
    ("inception-resnet-v1", {}, derived(V1, V1_SUMS, 1792)),
    ("inception-resnet-v2-paper", {}, derived(DRAWN, DRAWN_SUMS, 2144)),
]


@pytest.mark.parametrize(("name", "kwargs", "expected"), CASES, ids=lambda value: str(value))
def test_totals_are_those_derived_by_hand(
    name: str, kwargs: Mapping[str, Any], expected: tuple[int, int]
) -> None:
    """Params and MACs, to the digit."""
    totals = archbench.profile(name, model_kwargs=kwargs).totals
    assert (totals.params, totals.macs) == expected


def test_facenet_s_port_confirms_inception_resnet_v1() -> None:
    """Its 23,995,624: a sixth C block, a normalised bottleneck of 512, classes on top of that."""
    sixth = derived(list(V1_C), [(384, 1792, 8)], 0)[0] - 1000
    bottleneck = 1792 * 512 + 2 * 512
    classes = (512 - 1792) * 1000
    own = counted("inception-resnet-v1").totals.params
    assert own + sixth + bottleneck + classes == 23_995_624


def test_the_head_of_inception_v2_lacks_one_normalisation() -> None:
    """1×1×768×128, 5×5×128×768 with biases, 768 × 1000: 768 fewer than Inception-v3's."""
    head = 768 * 128 + 2 * 128 + 25 * 128 * 768 + 768 + 768 * 1000 + 1000
    for name, expected in (("inception-v2", head), ("inception-v3", head + 768)):
        stage = counted(name, aux=True).stage("aux")
        assert stage is not None
        assert stage.params == expected


@pytest.mark.parametrize(
    ("name", "c_in", "expected"),
    [("inception-v4", 1024, 46_039_280), ("inception-resnet-v2", 1088, 59_211_120)],
)
def test_tf_slim_s_heads_by_hand(name: str, c_in: int, expected: int) -> None:
    """1×1 to 128, 5×5 to 768, both normalised, and 1000 classes."""
    head = c_in * 128 + 2 * 128 + 25 * 128 * 768 + 2 * 768 + 768 * 1000 + 1000
    without = counted(name).totals.params
    assert counted(name, aux=True).totals.params == without + head
    assert without + head == expected
