"""What the lecture notes say about GoogLeNet's auxiliary heads."""

import torch
from torch import Tensor, nn

from archbench.networks.build import build
from archbench.papers.claims.records import Case, Facts, Measurement, Seeds
from archbench.papers.claims.sampling import SEED, seeded
from archbench.papers.claims.structure import size
from archbench.papers.figures import figure
from archbench.papers.networks import Networks

IMAGES = 2  # that the gradient is averaged over


def output_size(networks: Networks) -> Facts:
    """Read what the heads' pools make of the outputs of 4a and 4d."""
    network = networks.module("googlenet", aux=True)
    shapes = {
        layer.path: size(layer.output_shape)
        for layer in networks.profile("googlenet", aux=True).layers
    }
    for head, expected in (("aux1", "4×4×512"), ("aux2", "4×4×528")):
        pool = network.get_submodule(f"{head}.pool")
        assert isinstance(pool, nn.AvgPool2d)
        printed = figure(f"googlenet.aux.{head}_pool_output").printed
        settings = f"{pool.kernel_size}×{pool.kernel_size}/{pool.stride}, padding {pool.padding}"
        yield Case(f"for {head}", shapes[f"{head}.pool"] == printed)
        yield Measurement(f"output of the pool of {head}", shapes[f"{head}.pool"], expected)
        yield Measurement(f"pool of {head}", settings, "5×5/3, padding 0")


def _same_without_heads() -> bool:
    """Take the heads off a network in inference; say whether its logits stay as they were."""
    with seeded(SEED), torch.inference_mode():
        network = build("googlenet", aux=True).eval()
        image = torch.randn(1, 3, 224, 224)
        before = network(image)[0]
        del network.aux1, network.aux2
        return torch.equal(before, network(image))


def cost(networks: Networks) -> Facts:
    """Count the heads, and run the network with them and without."""
    plain = networks.profile("googlenet").totals
    heads = [networks.stage("googlenet", head, aux=True) for head in ("aux1", "aux2")]
    params, macs = sum(head.params for head in heads), sum(head.macs for head in heads)
    unchanged = _same_without_heads()
    yield Case("of the output in inference", unchanged)
    yield Measurement("params of aux1", heads[0].params, 3_188_840)
    yield Measurement("params of aux2", heads[1].params, 3_190_888)
    yield Measurement("params of both", params, 6_379_728)
    yield Measurement("params of the rest", plain.params, 6_998_552)
    yield Measurement("percent more params", round(100 * params / plain.params), 91)
    yield Measurement("MACs of aux1", heads[0].macs, 4_169_728)
    yield Measurement("MACs of aux2", heads[1].macs, 4_202_496)
    yield Measurement("MACs of both", macs, 8_372_224)
    yield Measurement("percent more MACs", round(100 * macs / plain.macs, 1), 0.5)
    yield Measurement("output is the same without them", unchanged, True)
    yield Seeds((SEED,))


def training_loss(main: Tensor, *auxiliary: Tensor) -> Tensor:
    """Add the auxiliary losses to the main one with the printed weight."""
    weight = float(figure("googlenet.aux.loss_weight").value)
    return main + weight * torch.stack(auxiliary).sum()


def loss(networks: Networks) -> Facts:
    """Add up three given losses, and see what reaches each head."""
    losses = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    total = training_loss(*losses)
    (gradient,) = torch.autograd.grad(total, losses)
    main, *heads = gradient.tolist()
    value = float(total.detach())
    yield Case("of the sum", abs(value - 2.5) < 1e-12)
    yield Case("of the gradient at each head", main == 1 and set(heads) == {0.3})
    yield Measurement("loss of 1, 2 and 3", value, 2.5, within=1e-12)
    yield Measurement("scale of the gradient at the main classifier", main, 1)
    yield Measurement("scale of the gradient at aux1", heads[0], 0.3)
    yield Measurement("scale of the gradient at aux2", heads[1], 0.3)


def _gradients_at_4a() -> tuple[float, float]:
    """Return the norm of the gradient there at initialisation, without and with the heads."""
    outputs: list[Tensor] = []
    with seeded(SEED):
        network = build("googlenet", aux=True)
        module = network.get_submodule("inception_4a")
        module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
        labels = torch.randint(1000, (IMAGES,))
        logits = network(torch.randn(IMAGES, 3, 224, 224))
    main, *heads = (nn.functional.cross_entropy(answers, labels) for answers in logits)
    (without,) = torch.autograd.grad(main, outputs[0], retain_graph=True)
    (with_heads,) = torch.autograd.grad(training_loss(main, *heads), outputs[0])
    return float(without.norm()), float(with_heads.norm())


def gradient(networks: Networks) -> Facts:
    """Compare the gradient at 4a's output at initialisation without and with the heads."""
    without, with_heads = _gradients_at_4a()
    yield Case("of the gradient at 4a at initialisation", with_heads > without)
    yield Case("of what training gains", None)
    yield Measurement("norm with the heads over that without", with_heads / without, 2, within=0.25)
    yield Seeds((SEED,))


EXPERIMENTS = {
    "googlenet.aux-output-size": output_size,
    "googlenet.aux-cost": cost,
    "googlenet.aux-loss": loss,
    "googlenet.aux-gradient": gradient,
}
