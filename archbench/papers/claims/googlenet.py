"""What the lecture notes say about GoogLeNet and its Table 1."""

from collections import Counter
from decimal import Decimal
from itertools import product

import torch
from torch import Tensor, nn

from archbench.archs.googlenet import TABLE_1
from archbench.models.shelf import build
from archbench.papers.claims.structure import weights
from archbench.papers.figures import figure
from archbench.papers.networks import Networks
from archbench.records.claims import Case, Evidence, Measurement
from archbench.records.published import PublishedFigure
from archbench.units import counted, shape_for_people

SEED = 0
K = 1024  # of the params column: 112K are the 114,688 weights of conv2, and 1000K those of fc
MILLION = 10**6


def depth(networks: Networks) -> Evidence:
    """Measure the longest path, then add the pools that stand between the modules."""
    layers = networks.profile("googlenet").totals.depth
    between = (
        layer
        for row in TABLE_1
        if not row.type.startswith("inception")
        for layer in networks.module("googlenet").get_submodule(row.stage).modules()
    )
    pools = Counter(type(layer).__name__ for layer in between)
    largest, average = pools["MaxPool2d"], pools["AdaptiveAvgPool2d"]
    pooled = layers + largest + average
    printed = [
        int(figure(f"googlenet.text.{name}").value) for name in ("layers", "layers_with_pooling")
    ]
    return Evidence(
        (
            Case("of the layers with weights", layers == printed[0]),
            Case("with the pools outside the modules", pooled == printed[1]),
        ),
        (
            Measurement("layers with weights on the longest path", layers, 22),
            Measurement("max pools outside the modules", largest, 4),
            Measurement("average pools outside the modules", average, 1),
            Measurement("layers with the pools", pooled, 27),
        ),
    )


# -- sizes -----------------------------------------------------------------------------------------


def fewer_params(networks: Networks) -> Evidence:
    """Divide the totals of AlexNet and VGG-16 by GoogLeNet's."""
    own = networks.profile("googlenet").totals.params
    cases = []
    measurements = [Measurement("params of googlenet", own, 6_998_552)]
    for name, params, ratio in (("alexnet", 60_965_224, 8.71), ("vgg16", 138_357_544, 19.77)):
        total = networks.profile(name).totals.params
        printed = int(figure(f"googlenet.text.params_ratio_{name}").value)
        cases.append(Case(f"of {name}", round(total / own) == printed))
        measurements += [
            Measurement(f"params of {name}", total, params),
            Measurement(f"params of {name} over googlenet's", round(total / own, 2), ratio),
        ]
    return Evidence(tuple(cases), tuple(measurements))


def params_sum(networks: Networks) -> Evidence:
    """Add up the params column and set the printed total beside it and the built networks."""
    cells = (_thousands(_cell(stage, "params")) for stage in _counted_stages())
    column = sum(cells, start=Decimal(0))
    totals = {
        "as the sum of the params column, with K = 1000": column * 1000,
        "of that sum with the column's own K = 1024": column * K,
        "of the network with a dense stem and biases": Decimal(
            networks.profile("googlenet").totals.params
        ),
        "of the weights with the separable stem": Decimal(
            weights(networks.module("googlenet-separable"))
        ),
    }
    printed = Decimal(figure("googlenet.text.params_total").value) / MILLION
    in_1000, in_1024, dense, separable = totals.values()
    return Evidence(
        tuple(Case(which, round(total / MILLION, 4) == printed) for which, total in totals.items()),
        (
            Measurement("sum of the params column, in K", float(column), 6797.7),
            Measurement("that sum in millions, K = 1000", float(in_1000 / MILLION), 6.7977),
            Measurement(
                "that sum in millions, K = 1024", float(round(in_1024 / MILLION, 3)), 6.961
            ),
            Measurement("params of the dense network", int(dense), 6_998_552),
            Measurement("weights of the separable network", int(separable), 6_983_576),
        ),
    )


# -- Table 1 ---------------------------------------------------------------------------------------


def _cell(stage: str, column: str) -> PublishedFigure:
    return figure(f"googlenet.table1.{stage}.{column}")


def _counted_stages() -> list[str]:
    """Return the rows with figures in the params and ops columns: those with weights."""
    return [
        row.stage
        for row in TABLE_1
        if row.stage.startswith(("conv", "inception")) or row.stage == "fc"
    ]


def _thousands(cell: PublishedFigure) -> Decimal:
    """Read "159K" as 159."""
    return Decimal(cell.printed.removesuffix("K"))


def _rows_where(agree: dict[str, bool]) -> str:
    """Say in which rows the column follows from the filter counts."""
    odd = [stage.removeprefix("inception_") for stage, true in agree.items() if not true]
    return f"in every row but {', '.join(odd)}" if odd else "in every row"


def ops_column(networks: Networks) -> Evidence:
    """Set the MACs of every row, with the separable stem, beside the printed millions."""
    expected = (
        *(34_019_328, 359_661_568, 128_049_152, 304_267_264, 73_608_192, 87_908_352, 99_850_240),
        *(118_515_712, 169_996_288, 51_079_168, 70_697_984, 1_024_000),
    )
    agree, measurements = {}, []
    for stage, macs in zip(_counted_stages(), expected, strict=True):
        computed = networks.stage("googlenet-separable", stage).macs
        printed = int(_cell(stage, "ops").value)
        agree[stage] = abs(computed - printed) <= MILLION
        measurements.append(Measurement(f"MACs of {stage}", computed, macs))
    rounded = {
        stage: round(networks.stage("googlenet-separable", stage).macs / MILLION, 2)
        for stage in ("inception_4a", "inception_5a")
    }
    return Evidence(
        tuple(Case(f"in {stage}, to one million", true) for stage, true in agree.items()),
        (
            *measurements,
            Measurement("rows that agree within one million", sum(agree.values()), 11),
            Measurement("rows", len(agree), 12),
            Measurement("4a in millions", rounded["inception_4a"], 73.61),
            Measurement("4a as printed", _cell("inception_4a", "ops").printed, "73M"),
            Measurement("5a in millions", rounded["inception_5a"], 51.08),
            Measurement("5a as printed", _cell("inception_5a", "ops").printed, "54M"),
        ),
        f"{_rows_where(agree)}, to one million, with the separable stem",
    )


def params_column(networks: Networks) -> Evidence:
    """Set the weights of every row, with the separable stem, beside the printed K of 1024."""
    deviations = {"4a": -0.7, "4c": -6.9, "4d": -1.8, "4e": -0.8, "5a": 5.3, "5b": -1.5}
    agree, measurements = {}, []
    for stage in _counted_stages():
        module = networks.module("googlenet-separable").get_submodule(stage)
        printed, computed = _thousands(_cell(stage, "params")), Decimal(weights(module)) / K
        last_digit = Decimal(1).scaleb(int(printed.as_tuple().exponent))
        agree[stage] = abs(computed - printed) <= last_digit
        off = round(100 * (printed / computed - 1), 1)
        row = stage.removeprefix("inception_")
        if row in deviations:
            what = f"percent by which the print of {row} is off"
            measurements.append(Measurement(what, float(off), deviations[row]))
    near = " ".join(stage.removeprefix("inception_") for stage, true in agree.items() if true)
    return Evidence(
        tuple(Case(f"in {stage}, to the last digit", true) for stage, true in agree.items()),
        (
            Measurement("rows that agree within one unit", near, "conv1 conv2 3a 3b 4b fc"),
            *measurements,
        ),
        f"{_rows_where(agree)}, to one unit of the last digit, with the separable stem",
    )


def separable_stem(networks: Networks) -> Evidence:
    """Count the first row with a dense and with a separable 7×7."""
    printed_params = _thousands(_cell("conv1", "params"))
    printed_macs = int(_cell("conv1", "ops").value)
    cases, measurements = [], []
    for name, which, expected_weights, expected_macs in (
        ("googlenet", "dense", 9_408, 118_013_952),
        ("googlenet-separable", "separable", 2_712, 34_019_328),
    ):
        held = weights(networks.module(name).get_submodule("conv1"))
        macs = networks.stage(name, "conv1").macs
        fits = round(Decimal(held) / 1000, 1) == printed_params
        cases.append(Case(f"with a {which} 7×7", fits and round(macs, -6) == printed_macs))
        measurements += [
            Measurement(f"weights of the {which} stem", held, expected_weights),
            Measurement(f"MACs of the {which} stem", macs, expected_macs),
        ]
    return Evidence(tuple(cases), tuple(measurements))


def global_average_pooling(networks: Networks) -> Evidence:
    """Compare the classifier with one on the grid before the pool, and with VGG-16's layers."""
    pooled = networks.stage("googlenet", "fc").params
    grid = networks.stage("googlenet", "avgpool").input_shape
    assert grid is not None
    channels, height, width = grid
    with torch.device("meta"):
        flattened = nn.Linear(channels * height * width, 1000)
    flat = sum(parameter.numel() for parameter in flattened.parameters())
    times = weights(flattened) / weights(networks.module("googlenet").get_submodule("fc"))
    vgg = networks.profile("vgg16")
    full = sum(stage.params for stage in vgg.stages if stage.name.startswith("fc"))
    return Evidence(
        (
            Case("against a classifier on the flattened grid", pooled < flat / 2),
            Case("against the fully connected layers of VGG-16", pooled < full / 2),
        ),
        (
            Measurement("params on the pooled values", pooled, 1_025_000),
            Measurement("params on the flattened grid", flat, 50_177_000),
            Measurement("times the weights", times, 49),
            Measurement("params of VGG-16's fully connected layers", full, 123_642_856),
            Measurement("params of VGG-16", vgg.totals.params, 138_357_544),
        ),
    )


# -- auxiliary heads -------------------------------------------------------------------------------


def aux_output_size(networks: Networks) -> Evidence:
    """Read what the heads' pools make of the outputs of 4a and 4d."""
    network = networks.module("googlenet", aux=True)
    shapes = {
        layer.path: str(shape_for_people(layer.output_shape))
        for layer in networks.profile("googlenet", aux=True).layers
    }
    cases, measurements = [], []
    for head, expected in (("aux1", "4×4×512"), ("aux2", "4×4×528")):
        pool = network.get_submodule(f"{head}.pool")
        assert isinstance(pool, nn.AvgPool2d)
        printed = figure(f"googlenet.aux.{head}_pool_output").printed
        settings = f"{pool.kernel_size}×{pool.kernel_size}/{pool.stride}, padding {pool.padding}"
        cases.append(Case(f"for {head}", shapes[f"{head}.pool"] == printed))
        measurements += [
            Measurement(f"output of the pool of {head}", shapes[f"{head}.pool"], expected),
            Measurement(f"pool of {head}", settings, "5×5/3, padding 0"),
        ]
    return Evidence(tuple(cases), tuple(measurements))


def _same_without_heads() -> bool:
    """Take the heads off a network in inference; say whether its logits stay as they were."""
    with torch.random.fork_rng(devices=()), torch.inference_mode():
        torch.manual_seed(SEED)
        network = build("googlenet", aux=True).eval()
        image = torch.randn(1, 3, 224, 224)
        before = network(image)[0]
        del network.aux1, network.aux2
        return torch.equal(before, network(image))


def aux_cost(networks: Networks) -> Evidence:
    """Count the heads, and run the network with them and without."""
    plain = networks.profile("googlenet").totals
    heads = [networks.stage("googlenet", head, aux=True) for head in ("aux1", "aux2")]
    params, macs = sum(head.params for head in heads), sum(head.macs for head in heads)
    unchanged = _same_without_heads()
    return Evidence(
        (Case("of the output in inference", unchanged),),
        (
            Measurement("params of aux1", heads[0].params, 3_188_840),
            Measurement("params of aux2", heads[1].params, 3_190_888),
            Measurement("params of both", params, 6_379_728),
            Measurement("params of the rest", plain.params, 6_998_552),
            Measurement("percent more params", round(100 * params / plain.params), 91),
            Measurement("MACs of aux1", heads[0].macs, 4_169_728),
            Measurement("MACs of aux2", heads[1].macs, 4_202_496),
            Measurement("MACs of both", macs, 8_372_224),
            Measurement("percent more MACs", round(100 * macs / plain.macs, 1), 0.5),
            Measurement("output is the same without them", unchanged, True),
        ),
        seed=SEED,
    )


def training_loss(main: Tensor, *auxiliary: Tensor) -> Tensor:
    """Add the auxiliary losses to the main one with the printed weight."""
    weight = float(figure("googlenet.aux.loss_weight").value)
    return main + weight * torch.stack(auxiliary).sum()


def aux_loss(networks: Networks) -> Evidence:
    """Add up three given losses, and see what reaches each head."""
    losses = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    total = training_loss(*losses)
    (gradient,) = torch.autograd.grad(total, losses)
    main, *heads = gradient.tolist()
    value = float(total.detach())
    return Evidence(
        (
            Case("of the sum", abs(value - 2.5) < 1e-12),
            Case("of the gradient at each head", main == 1 and set(heads) == {0.3}),
        ),
        (
            Measurement("loss of 1, 2 and 3", value, 2.5, within=1e-12),
            Measurement("scale of the gradient at the main classifier", main, 1),
            Measurement("scale of the gradient at aux1", heads[0], 0.3),
            Measurement("scale of the gradient at aux2", heads[1], 0.3),
        ),
    )


def _gradients_at_4a(images: int = 2) -> tuple[float, float]:
    """Return the norm of the gradient there at initialisation, without and with the heads."""
    outputs: list[Tensor] = []
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(SEED)
        network = build("googlenet", aux=True)
        module = network.get_submodule("inception_4a")
        module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
        labels = torch.randint(1000, (images,))
        logits = network(torch.randn(images, 3, 224, 224))
    main, *heads = (nn.functional.cross_entropy(answers, labels) for answers in logits)
    (without,) = torch.autograd.grad(main, outputs[0], retain_graph=True)
    (with_heads,) = torch.autograd.grad(training_loss(main, *heads), outputs[0])
    return float(without.norm()), float(with_heads.norm())


def aux_gradient(networks: Networks) -> Evidence:
    """Compare the gradient at 4a's output at initialisation without and with the heads."""
    without, with_heads = _gradients_at_4a()
    return Evidence(
        (
            Case("of the gradient at 4a at initialisation", with_heads > without),
            Case("of what training gains", None),
        ),
        (
            Measurement(
                "norm with the heads over that without", with_heads / without, 2, within=0.25
            ),
        ),
        seed=SEED,
    )


# -- evaluation ------------------------------------------------------------------------------------


def crops(networks: Networks) -> Evidence:
    """Enumerate the crops of one image."""
    scales = [figure(f"googlenet.evaluation.scale_{i}").value for i in range(1, 5)]
    squares = ("left or top", "middle", "right or bottom")
    corners = ("top left", "top right", "bottom left", "bottom right")
    views = (*corners, "centre", "whole square, resized")
    mirrored = (False, True)
    made = len(set(product(scales, squares, views, mirrored)))
    models = int(figure("googlenet.evaluation.ensemble_models").value)
    return Evidence(
        (Case("of the scheme", made == int(figure("googlenet.evaluation.crops").value)),),
        (
            Measurement("scales", len(scales), 4),
            Measurement("squares", len(squares), 3),
            Measurement("views", len(views), 6),
            Measurement("mirrorings", len(mirrored), 2),
            Measurement("crops", made, 144),
            Measurement("evaluations with seven models", made * models, 1008),
        ),
    )


def table3_deltas(networks: Networks) -> Evidence:
    """Subtract the base from every error of the crop table."""
    table = "googlenet.table3"
    base = Decimal(figure(f"{table}.1_model_1_crop.top5_error").value)
    cases, measurements = [], []
    for models, views, expected in (
        (1, 10, "-0.92"),
        (1, 144, "-2.18"),
        (7, 1, "-1.98"),
        (7, 10, "-2.45"),
        (7, 144, "-3.40"),
    ):
        row = f"{table}.{models}_model_{views}_crop"
        delta = Decimal(figure(f"{row}.top5_error").value) - base
        printed = Decimal(figure(f"{row}.delta").value)
        where = f"{counted(models, 'model')} and {counted(views, 'crop')}"
        cases.append(Case(f"for {where}", delta == printed))
        measurements.append(Measurement(f"difference for {where}", str(delta), expected))
    last = figure(f"{table}.7_model_144_crop.delta").printed
    measurements.append(Measurement("the last as printed", last, "-3.45%"))
    return Evidence(tuple(cases), tuple(measurements))


EXPERIMENTS = {
    "googlenet.depth": depth,
    "googlenet.fewer-params": fewer_params,
    "googlenet.params-sum": params_sum,
    "googlenet.ops-column": ops_column,
    "googlenet.params-column": params_column,
    "googlenet.separable-stem": separable_stem,
    "googlenet.global-average-pooling": global_average_pooling,
    "googlenet.aux-output-size": aux_output_size,
    "googlenet.aux-cost": aux_cost,
    "googlenet.aux-loss": aux_loss,
    "googlenet.aux-gradient": aux_gradient,
    "googlenet.crops": crops,
    "googlenet.table3-deltas": table3_deltas,
}
