"""What the lecture notes say about errors of deeper networks: compared are the printed ones."""

from archbench.papers.claims.records import Case, Condition, Facts, Measurement
from archbench.papers.figures import printed
from archbench.papers.networks import Networks


def cifar(networks: Networks) -> Facts:
    """Quote what is printed of the residual networks; the claim itself needs training."""
    shallow, deep = (printed(f"resnet.table6.resnet{depth}.error") for depth in (20, 56))
    yield Case("after training with the paper's schedule", None)
    yield Measurement("printed error of resnet20, percent", float(shallow), 8.75)
    yield Measurement("printed error of resnet56, percent", float(deep), 6.97)
    yield Condition("needs training, and the plain networks' errors are printed as curves only")


def imagenet_reported(networks: Networks) -> Facts:
    """Subtract the printed errors of 18 layers from those of 34."""
    gained = {
        kind: printed(f"resnet.table2.{kind}34.top1_error")
        - printed(f"resnet.table2.{kind}18.top1_error")
        for kind in ("plain", "resnet")
    }
    yield Case("in the paper's Table 2", gained["plain"] > 0 > gained["resnet"])
    yield Measurement("plain: error added by depth, points", float(gained["plain"]), 0.60)
    yield Measurement("residual: error added by depth, points", float(gained["resnet"]), -2.85)


EXPERIMENTS = {
    "degradation.cifar": cifar,
    "degradation.imagenet-reported": imagenet_reported,
}
