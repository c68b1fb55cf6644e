"""The figures of Inception-v4 and the Inception-ResNets: Szegedy et al., arXiv:1602.07261."""

from archbench.papers.judge import Value
from archbench.papers.layers import channels, convolutions, kept, repeats
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import Rule, Rules, at, common, name_of, network_of, output_of
from archbench.papers.records import PublishedFigure

# Table 1's letters: in figure 7, n is the short branch and k, l, m follow each other in the long.
LETTERS = {"n": ("branch1", 0), "k": ("branch2", 0), "l": ("branch2", 1), "m": ("branch2", 2)}


def _reduction_filters(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the filters that Table 1 calls by the last letter of the id."""
    branch, place = LETTERS[figure.id[-1]]
    reduction = network_of(networks, figure).reduction_a
    return channels(convolutions(reduction.get_submodule(branch))[place])


def _stage(figure: PublishedFigure) -> str:
    """Name the stage of a row: "a" are the modules of that letter."""
    row = figure.id.split(".")[2]
    if len(row) > 1:
        return row
    return f"inception_{'resnet_' if 'resnet' in name_of(figure) else ''}{row}"


def _size(networks: Networks, figure: PublishedFigure) -> Value:
    return output_of(_stage(figure))(networks, figure)


def _repeats(networks: Networks, figure: PublishedFigure) -> Value:
    return repeats(network_of(networks, figure).get_submodule(_stage(figure)))


def _pooled(networks: Networks, figure: PublishedFigure) -> Value:
    shape = networks.stage(name_of(figure), "avgpool").output_shape
    assert shape is not None
    return shape[0]


def _projection(stage: str) -> Rule:
    """Return the filters of the 1×1 that leads back to the trunk, the same in every block."""

    def filters(networks: Networks, figure: PublishedFigure) -> Value:
        blocks = network_of(networks, figure).get_submodule(stage)
        return common(channels(block.project) for block in blocks)

    return filters


RULES: Rules = (
    ("*.table1.reduction_a_?", _reduction_filters),
    ("inception-*.figure*.output_size", _size),
    ("inception-*.figure*.count", _repeats),
    ("inception-*.figure*.avgpool.channels", _pooled),
    ("inception-*.figure*.dropout.keep", at("dropout", kept)),
    ("inception-resnet-v2.figure17.b_up_projection", _projection("inception_resnet_b")),
    ("inception-resnet-v2.figure19.c_up_projection", _projection("inception_resnet_c")),
)
