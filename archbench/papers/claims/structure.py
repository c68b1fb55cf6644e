"""How a module is built: its convolutions, and which of its operations feeds which."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import fx, nn

from archbench.papers import layers
from archbench.papers.layers import convolutions
from archbench.units import Shape, shape_for_people


def kernel(layer: nn.Conv2d) -> str:
    """Write a convolution's kernel as the papers do, height first: "1×7"."""
    return layers.kernel(layer).replace("x", "×")


def size(shape: Shape | None) -> str:
    """Write a size as the papers do: "28×28×256"."""
    return str(shape_for_people(shape))


def kernels(module: nn.Module) -> str:
    """Write the kernels inside a module, in the order in which it holds them."""
    return " ".join(map(kernel, convolutions(module)))


class Step(NamedTuple):
    """One operation of a module's forward()."""

    name: str  #: what it does, without widths: "conv 3×3/2", "ReLU", "cat"
    layer: nn.Module | None  #: the module that does it, if one does
    sources: tuple[int, ...]  #: the places of the steps that feed it


Steps = tuple[Step, ...]


def steps(module: nn.Module) -> Steps:
    """Follow a module's forward() with torch.fx, in the order in which its operations run."""
    places: dict[fx.Node, int] = {}
    found = []
    for place, node in enumerate(fx.symbolic_trace(module).graph.nodes):
        places[node] = place
        layer = module.get_submodule(node.target) if node.op == "call_module" else None
        name = getattr(node.target, "__name__", str(node.target))
        sources = tuple(places[source] for source in node.all_input_nodes)
        found.append(Step(name if layer is None else _name(layer), layer, sources))
    return tuple(found)


def _name(layer: nn.Module) -> str:
    if isinstance(layer, nn.Conv2d):
        return f"conv {kernel(layer)}/{layer.stride[0]}"
    return type(layer).__name__


def fed_by(chain: Steps, place: int) -> tuple[Step, ...]:
    """Return the steps that a step feeds."""
    return tuple(step for step in chain if place in step.sources)


def uses(chain: Steps, place: int) -> tuple[str, ...]:
    """Name what a convolution's result goes to, behind its normalisation and its ReLU."""
    names: list[str] = []
    for later, step in enumerate(chain):
        if place in step.sources:
            passed_on = step.name in ("BatchNorm2d", "ReLU")
            names += uses(chain, later) if passed_on else (step.name,)
    return tuple(names)


def wiring(module: nn.Module) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return what a module does and what feeds what in it, without any width."""
    return tuple((step.name, step.sources) for step in steps(module))


def followers(module: nn.Module, kind: type[nn.Module]) -> Iterator[tuple[str, ...]]:
    """Name what each layer of a kind feeds, layer by layer."""
    chain = steps(module)
    for place, step in enumerate(chain):
        if isinstance(step.layer, kind):
            yield tuple(step.name for step in fed_by(chain, place))
