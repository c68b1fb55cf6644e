"""The values that integer inputs get: what a network indexes with them decides."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from archbench.networks.inputs import InputPlan, plan_inputs
from archbench.timing.cells import Cell
from archbench.timing.worker.input_sets import Arguments, input_sets
from archbench.timing.worker.integer_inputs import (
    IndexRefused,
    IndexWatch,
    with_integer_values,
)
from tests.nets import NotFinite

CPU = torch.device("cpu")
ZEROS, ONES = range(1), range(1, 2)


class Calls(nn.Module):
    """A network whose forward() is a function of `ids`, and of `x` or a mask where it is asked."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, ids: Tensor, **others: Tensor) -> Any:
        return self.function(ids, **others)


def values_of(
    module: nn.Module, sizes: list[str], batch_size: int = 2
) -> tuple[tuple[range, ...], bool, Arguments]:
    """Return the values of each input, whether one is unknown, and the inputs that are made."""

    def run(inputs: Arguments) -> Any:
        args, kwargs = inputs
        return module(*args, **kwargs)

    def make(plan: InputPlan) -> Arguments:
        return plan.make(CPU)

    plan, unknown = with_integer_values(plan_inputs(module, sizes, None, batch_size), make, run)
    return plan.integers or (ZEROS,) * len(plan.specs), unknown, plan.make(CPU)


def zeros(rows: int) -> Tensor:
    return torch.zeros(rows, 3)


INDEXING: dict[str, Callable[[Tensor, int], Any]] = {
    "embedding": lambda ids, n: nn.functional.embedding(ids, zeros(n)),
    "embedding_bag": lambda ids, n: nn.functional.embedding_bag(ids, zeros(n)),
    "index": lambda ids, n: zeros(n)[ids],
    "second index": lambda ids, n: zeros(n).T[:, ids],
    "index behind a mask": lambda ids, n: torch.zeros(2, 2, n)[
        torch.ones(2, 2).bool(), ids.flatten()[:4]
    ],
    "index_select": lambda ids, n: zeros(n).index_select(0, ids.flatten()),
    "gather": lambda ids, n: torch.zeros(len(ids), n).gather(1, ids),
    "scatter": lambda ids, n: torch.zeros(len(ids), n).scatter(1, ids, 1.0),
    "scatter_add": lambda ids, n: torch.zeros(len(ids), n).scatter_add_(1, ids, ids.float()),
    "index_add": lambda ids, n: zeros(n).index_add(0, ids.flatten(), zeros(ids.numel())),
    "index_put": lambda ids, n: zeros(n).index_put_((ids,), torch.ones(())),
    "take": lambda ids, n: torch.zeros(n).take(ids),
    "one_hot": lambda ids, n: nn.functional.one_hot(ids, n).float(),
    "cross_entropy": lambda ids, n: nn.functional.cross_entropy(
        zeros(ids.numel()).new_zeros(ids.numel(), n), ids.flatten()
    ),
    "after shape changes": lambda ids, n: zeros(n)[ids.T.reshape(-1).to(torch.int32)],
}


@settings(max_examples=6, deadline=None)
@given(rows=st.integers(2, 60))
@pytest.mark.parametrize("name", INDEXING)
def test_an_input_is_drawn_from_all_rows_that_it_indexes(name: str, rows: int) -> None:
    """The rows are the range, whichever operation looks them up; none beyond is drawn."""
    module = Calls(lambda ids: INDEXING[name](ids, rows))
    values, unknown, (args, _) = values_of(module, ["int64:40"])
    assert values == (range(rows),)
    assert not unknown
    assert int(args[0].max()) > 0
    assert int(args[0].max()) < rows


def test_the_smallest_table_decides() -> None:
    """Words that two tables look up."""
    for first, second in ((50, 20), (20, 50)):
        module = Calls(lambda ids, a=first, b=second: (zeros(a)[ids], zeros(b)[ids]))
        assert values_of(module, ["ids:int64:4"])[0] == (range(20),)


def test_an_index_outside_of_its_table_is_refused_before_the_operation() -> None:
    """On the meta device torch does not look; on CUDA it would end all use of the device."""
    ids = torch.tensor([3])
    with IndexWatch([ids]), pytest.raises(IndexRefused, match="index 3 of 3"):
        torch.ops.aten.embedding(torch.zeros(3, 3, device="meta"), ids)


def test_an_offset_leaves_fewer_rows() -> None:
    """Fields that share one table: 100 rows, of which this one begins at row 30."""
    assert values_of(Calls(lambda ids: zeros(100)[ids + 30]), ["int64:4"])[0] == (range(70),)


def test_inputs_that_are_added_share_the_rows() -> None:
    """The largest sum is 9 + 9 = 18 of 20 rows; (20 - 1) // 2 + 1 = 10 values each."""
    module = Calls(lambda ids, more: zeros(20)[ids + more])
    values, unknown, _ = values_of(module, ["ids:int64:4", "more:int64:4"])
    assert (values, unknown) == ((range(10), range(10)), False)


def test_positions_are_not_values() -> None:
    """Where the largest word stands indexes 4 rows, and says nothing of the words themselves."""
    module = Calls(lambda ids: (zeros(50)[ids], zeros(4)[ids.argmax(1)]))
    assert values_of(module, ["int64:4"])[0] == (range(50),)


@pytest.mark.parametrize("batch_size", [2, 34])
def test_edges_join_the_rows_of_another_input(batch_size: int) -> None:
    """A graph of as many nodes as the batch has."""
    module = Calls(lambda ids, x: zeros(len(x)).index_add(0, ids[1], x[ids[0]]))
    values, unknown, _ = values_of(module, ["ids:int64:2x80!", "x:float32:3"], batch_size)
    assert (values, unknown) == ((range(batch_size), ZEROS), False)


@pytest.mark.parametrize(
    "function",
    [
        lambda ids: zeros(10)[ids * 2],  # row 10 and further on do not exist
        lambda ids: ids.float(),  # any number would do
        lambda ids: zeros(3)[int(ids.max())],  # read in Python
    ],
    ids=["doubled", "converted", "read"],
)
def test_what_shows_no_range_is_zero_and_said_to_be(function: Callable[..., Any]) -> None:
    """A flag says so then."""
    values, unknown, (args, _) = values_of(Calls(function), ["int64:8"])
    assert (values, unknown) == ((ZEROS,), True)
    assert not args[0].any()


def test_an_input_that_nothing_reads_is_not_unknown() -> None:
    """Its values cannot change the time."""
    module = Calls(lambda ids, x: x * 2)
    assert values_of(module, ["ids:int64:8", "x:float32:3"])[1] is False


def test_bytes_are_drawn_from_all_that_there_are() -> None:
    """As those of an image; signed ones from -128 on."""
    module = Calls(lambda ids: ids.float() / 255)
    for dtype, lowest, highest in (("uint8", 0, 255), ("int8", -128, 127)):
        values, unknown, (args, _) = values_of(module, [f"{dtype}:3x64x64"])
        assert (values, unknown) == ((range(lowest, highest + 1),), False)
        assert (int(args[0].min()), int(args[0].max())) == (lowest, highest)


@pytest.mark.parametrize(
    ("name", "dtype", "values"),
    [
        ("attention_mask", "int64", ONES),
        ("attention_mask", "bool", ONES),
        ("key_padding_mask", "bool", ZEROS),
    ],
)
def test_a_mask_lets_every_position_take_part(name: str, dtype: str, values: range) -> None:
    """Where a mask indexes as well, as positions do that are summed up from it, it stays one."""

    def attend(ids: Tensor, **masks: Tensor) -> Tensor:
        mask = masks[name]
        takes_part = ~mask.bool() if "padding" in name else mask.bool()
        scores = torch.zeros(mask.shape).masked_fill(~takes_part, -torch.inf)
        return zeros(64)[ids] * scores.softmax(-1)[..., None] + zeros(9)[mask.long().cumsum(-1)]

    found, unknown, _ = values_of(Calls(attend), ["ids:int64:8", f"{name}:{dtype}:8"])
    assert (found, unknown) == ((range(64), values), False)


def test_a_mask_that_hides_all_is_turned_round() -> None:
    """In nn.MultiheadAttention, True in attn_mask hides a position: the output would be NaN."""
    attention = nn.MultiheadAttention(4, 2, batch_first=True).eval()

    def attend(ids: Tensor, attn_mask: Tensor) -> Tensor:
        x = torch.ones(*ids.shape, 4)
        return attention(x, x, x, attn_mask=attn_mask)[0] + zeros(64)[ids].sum()

    found, unknown, _ = values_of(Calls(attend), ["ids:int64:8", "attn_mask:bool:8x8!"])
    assert (found, unknown) == ((range(64), ZEROS), False)


def test_an_output_that_is_never_finite_changes_no_range() -> None:
    """It has its own flag."""
    module = Calls(lambda ids: NotFinite()(zeros(7)[ids]))
    assert values_of(module, ["int64:8"])[0] == (range(7),)


def test_a_network_without_integers_is_not_run() -> None:
    """Nothing is to be found out."""

    def never(ids: Tensor) -> Tensor:
        raise AssertionError

    assert values_of(Calls(never), ["float32:8"])[:2] == ((ZEROS,), False)


def test_complex_inputs_are_drawn() -> None:
    """Zeros draw less power, and may take less time."""
    _, _, (args, _) = values_of(Calls(lambda ids: ids), ["complex64:1000"])
    assert args[0].abs().square().mean() == pytest.approx(1, abs=0.2)


def test_cold_inputs_without_a_batch_are_whole() -> None:
    """Each set has its own edges, of the shape that was asked for."""
    module = Calls(lambda ids, x: x[ids[0]])
    plan = plan_inputs(module, ["ids:int64:2x9!", "x:float32:3"], None, 4)
    cell = Cell("a", batch_size=4, cold_cache=True)
    sets = input_sets(plan, cell, CPU, 1000)
    assert len(sets) == 5 * 1000 // (2 * 9 * 8 + 4 * 3 * 4) + 1
    assert {tuple(kwargs["ids"].shape) for _, kwargs in sets} == {(2, 9)}
    assert not torch.equal(sets[0][1]["x"], sets[1][1]["x"])
