"""How fast the declared cells are, under pytest-benchmark.

    make latency

archbench's fixtures run the test once for each cell of pyproject.toml, warm the network up and note
what was counted and where it ran. One run is one process: `archbench check --pytest-benchmark`
judges several a side.
"""


def test_latency(archbench_cell, archbench_benchmark):
    """Time one forward pass of a declared cell."""
    archbench_benchmark(archbench_cell)
