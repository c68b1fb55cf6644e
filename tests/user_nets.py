"""A file of networks as users write them, good and bad, for commands to be pointed at."""

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3)))

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 8)
        self.mix = nn.Linear(8, 4)

    def forward(self, image, ids):
        return self.mix(self.embed(ids)).sum() + image.sum()

@torch.library.custom_op("nets::secret", mutates_args=())
def secret(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

secret.register_fake(torch.empty_like)

class Secret(Net):
    def forward(self, x):
        return super().forward(secret(x))

class Fails(nn.Module):
    def forward(self, x):
        raise ValueError("no such luck")

class Leaves(nn.Module):
    def forward(self, x):
        raise SystemExit(0)

class Chatty(Net):
    def forward(self, x):
        print("forward talks")
        return super().forward(x)

class Reads(Net):
    def forward(self, x):
        return super().forward(x) if x.abs().sum() > 0 else x

def build(width=4):
    return Net(width)

def raises():
    raise RuntimeError("factory is closed")

def nothing():
    return 3

async def wait():
    return Net()

ready = Net(8)
number = 3
"""
