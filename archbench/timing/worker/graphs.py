"""CUDA graphs: a call is recorded once and launched as a whole ever after."""

from collections.abc import Callable
from typing import Any

WARM_UP_CALLS = 3  # on a side stream, as torch asks for before it records


def captured(call: Callable[[], Any], cuda: Any) -> Callable[[], Any]:
    """Record a call and return a function that replays it; inputs and outputs keep their memory.

    The call launches the same kernels every time. `cuda` is torch.cuda, or a test's substitute.
    """
    side = cuda.Stream()
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        for _ in range(WARM_UP_CALLS):
            call()
    cuda.current_stream().wait_stream(side)
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        call()
    replay: Callable[[], Any] = graph.replay
    return replay
