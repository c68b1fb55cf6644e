"""What the lecture notes say about the Inception module."""

from archbench.archs.googlenet import TABLE_1
from archbench.papers.networks import Networks
from archbench.records.claims import Case, Evidence, Measurement

INCEPTIONS = tuple(row for row in TABLE_1 if row.type.startswith("inception"))


def naive_5x5_cost(networks: Networks) -> Evidence:
    """Compare row 3a's 5×5 branch straight on its input and behind a 1×1 reduction."""
    straight = networks.stage("inception-module-naive", "n5x5").macs
    reduction = networks.stage("inception-module", "n5x5_reduce").macs
    behind = networks.stage("inception-module", "n5x5").macs
    times = straight / (reduction + behind)
    return Evidence(
        cases=(Case("for row 3a on 28×28×192", round(times) == 10),),
        measurements=(
            Measurement("MACs of the 5×5 alone", straight, 120_422_400),
            Measurement("MACs of the 1×1 reduction", reduction, 2_408_448),
            Measurement("MACs of the 5×5 behind it", behind, 10_035_200),
            Measurement("times fewer", times, 9.68, within=0.001),
        ),
    )


def concatenation(networks: Networks) -> Evidence:
    """Add up the branches of all nine modules, and look at the grids."""
    profile = networks.profile("googlenet")
    cases, measurements = [], []
    for row, width in zip(INCEPTIONS, (256, 480, 512, 512, 512, 528, 832, 832, 1024), strict=True):
        stage = networks.stage("googlenet", row.stage)
        assert stage.output_shape is not None and stage.input_shape is not None
        channels, *grid = stage.output_shape
        branches = sum(
            layer.output_shape[0]
            for layer in profile.layers
            if layer.output_shape
            and layer.path.rpartition(".")[0] == row.stage
            and layer.path.endswith((".n1x1", ".n3x3", ".n5x5", ".pool_proj"))
        )
        same_grid = grid == list(stage.input_shape[1:])
        cases.append(Case(f"in {row.stage}", channels == branches and same_grid))
        measurements.append(Measurement(f"channels of {row.stage}", channels, width))
    return Evidence(tuple(cases), tuple(measurements))


EXPERIMENTS = {
    "module.naive-5x5-cost": naive_5x5_cost,
    "module.concatenation": concatenation,
}
