"""The inputs of a pass in words."""

from collections.abc import Sequence

from archbench.networks.tensor_spec import TensorSpec
from archbench.units import shape_for_people

MOST_TENSORS = 4  # of a function's, that are written out


def input_words(specs: Sequence[TensorSpec], function: str) -> str:
    """Return the tensors of a pass, and the function that returned them.

    A shape has no batch, that of a function's tensor is whole.

    >>> input_words([TensorSpec("x", "float32", (3, 32, 32))], "")
    'x float32 32×32×3'
    >>> image = TensorSpec("batch[0].image", "float32", (3, 32, 32), batched=False)
    >>> input_words([image], "net.py:inputs")
    'batch[0].image float32 3×32×32 from net.py:inputs'
    """
    if not function:
        return ", ".join(
            f"{spec.name} {spec.dtype} {shape_for_people(spec.shape)}"
            f"{'' if spec.batched else ' (no batch)'}"
            for spec in specs
        )
    shown = [
        f"{spec.name} {spec.dtype} {'×'.join(map(str, spec.shape)) or 'scalar'}"
        for spec in specs[:MOST_TENSORS]
    ]
    more = len(specs) - len(shown)
    words = ", ".join(shown) + (f" and {more} more" if more else "") or "no tensor"
    return f"{words} from {function}"
