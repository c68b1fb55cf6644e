"""archbench leans on private parts of torch in one file, and counts the same without them."""

import ast
import subprocess
import sys
from collections import OrderedDict, namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils import flop_counter

import archbench
from archbench import private_torch
from archbench.analysis import operators
from archbench.analysis.memory import convolutions
from archbench.analysis.records import Profile
from archbench.analysis.shapes import BLANKS
from archbench.networks.module_tree import unwrapped
from archbench.timing.worker.runner import take_turns
from archbench.timing.worker.time_budget import Effort
from tests.clocks import FakeClock

PACKAGE = Path(archbench.__file__).parent
OWN = "private_torch.py"
ALLOWED = {  # names with an underscore that other files may use, and why
    "_parameters": "nn.Module's table, which its subclasses in torch and elsewhere write to",
    "_buffers": "likewise",
    "_modules": "likewise; named_children() leaves out a child that has two names",
    "_replace": "namedtuple's, documented",
    "_asdict": "namedtuple's, documented",
    "_fields": "namedtuple's, documented",
    "_exit": "os._exit(), documented",
}
UNDOCUMENTED = {"flop_registry"}  # of torch, though without an underscore


def private_names(source: str) -> set[str]:
    """The private names that a file takes from elsewhere: as attributes, imports or texts."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            found |= set() if own else {node.attr}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("torch"):
            found |= {*str(node.module).split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.Constant) and str(node.value).startswith("torch."):
            found |= set(str(node.value).split("."))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr"):
            name = node.args[1]
            found |= {str(name.value)} if isinstance(name, ast.Constant) else set()
    return {
        name
        for name in found
        if name in UNDOCUMENTED or (name.startswith("_") and not name.startswith("__"))
    }


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_one_file_alone_names_private_parts(path: Path) -> None:
    """No other file names a private part of torch or of any library. ALLOWED has the exceptions."""
    found = private_names(path.read_text(encoding="utf-8"))
    if path.name == OWN:
        assert {"_python_dispatch", "_pytree", "_dynamo", "_C", "flop_registry"} <= found
    else:
        assert found <= ALLOWED.keys()


@pytest.mark.parametrize(
    "source",
    [
        "from torch._ops import HigherOrderOperator",
        "from torch.nn.modules.conv import _ConvNd",
        "import torch._dynamo",
        "tensor._base",
        "torch.backends._nnapi",
        "getattr(cuda, '_sleep', None)",
        "import_module('torch._dynamo.utils')",
        "from torch.utils.flop_counter import flop_registry",
    ],
)
def test_private_names_are_found(source: str) -> None:
    """However they are written."""
    assert private_names(source)


class OfAllKinds(nn.Module):
    """Runs what each private part is for: internal operators, factories, views that are written."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.slope = nn.PReLU()
        self.rnn = nn.GRU(4, 5, batch_first=True)
        self.last = nn.Linear(4, 6)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, pair: tuple[Tensor, dict[str, Tensor]]) -> dict[str, Tensor]:
        first, others = pair
        x = self.slope(self.conv(first)) + others["bias"]
        x = F.adaptive_avg_pool2d(x, 4).flatten(2).transpose(1, 2)
        x = x + torch.arange(4, device=x.device) + torch.zeros(4, device=x.device)
        canvas = torch.empty(x.shape, device=x.device)
        canvas[:, :8] = self.attention(x, x, x)[0][:, :8]
        canvas.select(1, 9).copy_(x.softmax(-1)[:, 0])
        return {"out": self.rnn(x)[0], "last": self.last(canvas)}


def made() -> Profile:
    inputs = (torch.ones(2, 3, 8, 8), {"bias": torch.ones(4, 1, 1)})
    return archbench.profile(OfAllKinds(), inputs=(inputs,))


def counted() -> list[object]:
    """Count networks of the shelf, and one of all kinds of layers."""
    shelf = [archbench.profile(name) for name in ("googlenet", "resnet20")]
    return [profile.to_dict() for profile in (*shelf, made())]


@pytest.fixture(scope="module")
def whole() -> list[object]:
    """The counts by a torch that has everything."""
    return counted()


def test_counts_of_all_kinds() -> None:
    """Derived by hand: a convolution, attention, a recurrent and a linear layer, all counted.

    The last layer lies behind the others, although these wrote into parts of its input only.
    """
    profile = made()
    totals = profile.totals
    convolution = 2 * 4 * 8 * 8 * 3 * 9
    attention = 2 * 16 * 4 * (12 + 4) + 2 * 2 * (2 * 16 * 16 * 2)
    gru = 2 * 16 * 15 * (4 + 5)
    linear = 2 * 16 * 4 * 6
    assert totals.macs == convolution + attention + gru + linear
    assert profile.uncounted == ()
    assert totals.depth == 1 + 2 + 1  # two of attention's projections follow each other


def test_counts_without_known_schemas(whole: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Names alone say which operations are free."""
    assert private_torch.takes_tensors(torch.ops.aten.mm.default)
    assert not private_torch.takes_tensors(torch.ops.aten.zeros.default)
    assert private_torch.takes_tensors(SimpleNamespace())
    monkeypatch.setattr(operators, "takes_tensors", lambda operation: True)
    assert counted() == whole


def test_counts_without_internal_operators(
    whole: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch itself computes the shapes that have no rule."""
    names = ("_prelu_kernel", "_adaptive_avg_pool2d", "_softmax")
    known = private_torch.operations(*names, "_never_heard_of")
    assert list(known) == list(names)
    for operator in known.values():
        monkeypatch.delitem(BLANKS, operator)
    assert counted() == whole


def test_counts_without_torch_s_formulas(
    whole: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that only torch has a formula for is named as not counted."""
    library = torch.library.Library("archbench_private", "FRAGMENT")
    library.define("twice(Tensor x) -> Tensor")
    library.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")
    operation = torch.ops.archbench_private.twice

    @flop_counter.register_flop_formula(operation)
    def flops(x: object, out_shape: object = None) -> int:
        return 2 * torch.Size(x).numel()

    class Twice(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return operation(x)

    assert archbench.profile(Twice(), (5,)).totals.macs == 5
    monkeypatch.delattr(flop_counter, "flop_registry")
    alone = archbench.profile(Twice(), (5,))
    assert [one.op for one in alone.uncounted] == ["archbench_private.twice"]
    assert counted() == whole


Pair = namedtuple("Pair", "left right")


def test_counts_without_pytree(whole: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists, tuples, named ones and dicts are walked all the same."""
    nested = [1, (2, Pair(3, {"a": [4], "b": OrderedDict(c=5)})), {}, []]
    both = []
    for tree in (private_torch.pytree, None):
        monkeypatch.setattr(private_torch, "pytree", tree)
        both.append(
            (
                private_torch.mapped(lambda leaf: leaf * 10, nested),
                list(private_torch.leaves(nested)),
            )
        )
    assert both[0] == both[1]
    assert both[1][1] == [1, 2, 3, 4, 5]
    assert isinstance(both[1][0][1][1], Pair)
    assert counted() == whole


def test_counts_without_a_convolution_s_kernel(
    whole: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the computed peak of memory asks for the kernel."""
    monkeypatch.delattr(torch._C, "_select_conv_backend")
    convolutions._cached_backend.cache_clear()
    window = ((1, 1), (1, 1), (1, 1), False, (0, 0))
    shapes = ((1, 3, 8, 8), (4, 3, 3, 3))
    assert convolutions._cached_backend(*shapes, torch.float32, window, 1, 1) == ""
    convolutions._cached_backend.cache_clear()
    assert counted() == whole


def test_a_compiled_network_counts_the_same_with_its_wrapper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If the wrapped network cannot be found, the wrapper runs it, uncompiled."""
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
    plain(torch.ones(1, 3, 8, 8))
    wrapped = torch.compile(plain, backend="eager")
    assert unwrapped(wrapped) is plain
    monkeypatch.setattr(private_torch, "ORIGINAL", "_never_heard_of")
    monkeypatch.setattr(private_torch, "COMPILER", "torch._never_heard_of")
    monkeypatch.setattr(private_torch, "COMPILER_EXISTS", False)
    assert private_torch.compiler_is_loaded()
    assert unwrapped(wrapped) is wrapped
    assert archbench.profile(wrapped, 8).totals == archbench.profile(plain, 8).totals


def test_compilations_are_unknown_where_torch_hides_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """None rather than 0; whoever takes turns then does not say that nothing was compiled."""
    monkeypatch.setattr(private_torch, "COMPILER", "torch._never_heard_of")
    assert private_torch.compilations() == 0  # it exists, and is not loaded
    monkeypatch.setattr(private_torch, "COMPILER_EXISTS", False)
    assert private_torch.compilations() is None
    clock = FakeClock()
    effort = Effort(0.001, 0.01, 0.01)
    rounds = take_turns(
        [lambda: clock.work("call", 1000)], clock, effort, 0, private_torch.compilations
    )
    assert rounds.recompiled is None


CHILD = """
import sys
import torch
from archbench import private_torch
{change}
import archbench
totals = archbench.profile("googlenet").totals
print(totals.params, totals.macs, totals.depth, "torch._dynamo" in sys.modules)
"""


@pytest.fixture(scope="module")
def children() -> Iterator[dict[str, str]]:
    """The output of fresh processes with and without torch's switch for its compiler."""
    changes = {
        "with": "",
        "without": "del private_torch.DispatchMode._should_skip_dynamo",
        "not to be found": "private_torch.COMPILER_EXISTS, private_torch.COMPILER = False, 'gone'",
    }
    yield {name: printed(CHILD.format(change=change)) for name, change in changes.items()}


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_counts_without_a_say_over_the_compiler(children: dict[str, str]) -> None:
    """Importing it takes time, and changes no count."""
    params, macs, depth, compiler = children["with"].split()
    assert (params, macs, depth, compiler) == ("6998552", "1582671872", "22", "False")
    asks = hasattr(
        private_torch.TorchDispatchMode, "_should_skip_dynamo"
    )  # torch 2.6 has nothing to be kept from
    assert children["without"].split() == [params, macs, depth, str(asks)]
    assert children["not to be found"].split() == [params, macs, depth, "True"]


def test_a_torch_without_its_dispatch_mode_is_refused() -> None:
    """The refusal is one line, with exit code 2: archbench counts by this class."""
    code = (
        "import torch.utils._python_dispatch as dispatch\n"
        "del dispatch.TorchDispatchMode\n"
        "from archbench.app import run\n"
        "print(run(['list', 'resnet20', '-f', 'csv']), run(['summary', 'resnet20']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "0 2"
    assert "has no TorchDispatchMode" in done.stderr
    assert "Traceback" not in done.stderr
