"""What one output pixel sees of the image."""

import torch
from torch import nn

SIDE = 21  # of the probe, larger than any field that is looked for


def field_of_view(layers: nn.Module) -> str:
    """Measure the input pixels with a non-zero gradient from the middle output pixel, as "5×5".

    The layers take one channel, and their weights are set to one so that nothing cancels out.
    """
    layers = layers.double()
    for parameter in layers.parameters():
        nn.init.ones_(parameter)
    image = torch.ones(1, 1, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    output = layers(image)
    middle = output[0, 0, output.shape[2] // 2, output.shape[3] // 2]
    (gradient,) = torch.autograd.grad(middle, image)
    seen = gradient[0, 0] != 0
    return f"{int(seen.any(1).sum())}×{int(seen.any(0).sum())}"
