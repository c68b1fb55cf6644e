"""MODELs that carry arguments and ways of running in brackets: name[key=value,...]."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import archbench
from archbench.errors import ArchbenchError
from archbench.gates.structure.configuration import find_project
from archbench.gates.structure.selection import select_cells
from archbench.networks.brackets import WAY_KEYS
from archbench.networks.model_settings import settings_of
from archbench.networks.names import is_pattern, names_file, parts_of, portable
from archbench.networks.resolve import load, plan_for
from archbench.networks.ways import ModelWays
from archbench.shell.options import complete_model

VALUES = st.recursive(
    st.integers() | st.booleans() | st.none() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.tuples(inner, inner) | st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
).filter(lambda value: "inf" not in repr(value))
NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda name: name not in WAY_KEYS)


@given(st.dictionaries(NAMES, VALUES, min_size=1), st.sampled_from(["resnet20", "d[1]/net.py:f"]))
def test_what_python_writes_is_read_back(arguments: dict[str, object], name: str) -> None:
    """Commas, brackets and quotes of a value belong to the value, however deep they are."""
    pairs = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    found = settings_of(f"{name}[{pairs}]")
    assert (found.name, found.arguments) == (name, arguments)
    assert found.ways == ModelWays()


@pytest.mark.parametrize(
    ("brackets", "arguments"),
    [
        ("[width=2,shortcut=B]", {"width": 2, "shortcut": "B"}),
        ("[aux=true,deep=false]", {"aux": True, "deep": False}),
        ("[kernel=(3, 5), sizes=[1,2]]", {"kernel": (3, 5), "sizes": [1, 2]}),
        ("[name='a,b]',other=it's]", {"name": "a,b]", "other": "it's"}),
        ("[arg.precision=3,arg.batch=(1, 2)]", {"precision": 3, "batch": (1, 2)}),
        ("[sum=a=b]", {"sum": "a=b"}),
    ],
)
def test_arguments_are_read_as_model_kwargs_are(
    brackets: str, arguments: dict[str, object]
) -> None:
    """Numbers, truth values, containers; else a text. arg.batch is an argument called batch."""
    assert settings_of(f"net.py:build{brackets}").arguments == arguments


@pytest.mark.parametrize(
    ("brackets", "ways"),
    [
        ("[input=3x64x64]", ModelWays(input_size=("3x64x64",))),
        ("[input_size=(3, 64, 64)]", ModelWays(input_size=("3x64x64",))),
        ("[input=[a:int64:8, b:int64:9!]]", ModelWays(input_size=("a:int64:8", "b:int64:9!"))),
        ("[batch=8,precision=bf16]", ModelWays(batch_size=8, precision="bf16")),
        ("[channels_last]", ModelWays(channels_last=True)),
        ("[channels_last=false,compile]", ModelWays(channels_last=False, compile="default")),
        ("[compile=max-autotune]", ModelWays(compile="max-autotune")),
        ("[compile=false, threads=2]", ModelWays(compile=False, threads=2)),
        ("[module=0.10]", ModelWays(module="0.10")),
    ],
)  # fmt: skip
def test_ways_of_running_have_short_names(brackets: str, ways: ModelWays) -> None:
    """Paths of modules and sizes are texts, also where they look like numbers."""
    found = settings_of(f"resnet20{brackets}")
    assert (found.name, found.ways, found.arguments) == ("resnet20", ways, {})


@pytest.mark.parametrize(
    ("model", "message", "hint"),
    [
        ("resnet20[shortcut=B", "the brackets of 'resnet20[shortcut=B' do not close", "in quotes"),
        ("resnet20shortcut=B]", "is closed and not opened", "in quotes"),
        ("resnet20[dims=(1, 2]", "do not close at its end", "in quotes"),
        ("net.py:build[width=3]x", "do not close at its end", "in quotes"),
        ("resnet20[]", "'' in 'resnet20[]' is neither name=value nor", "ways of running are"),
        ("resnet20[shortcut=B,]", "'' in 'resnet20[shortcut=B,]' is neither", "ways of running"),
        ("resnet20[a=1][b=2]", "has two pairs of brackets", "in quotes"),
        ("resnet20[a=1,a=2]", "sets 'a' twice", "leave one of the two out"),
        ("resnet20[a=1,arg.a=2]", "sets 'a' twice", "leave one of the two out"),
        ("resnet20[batch=1,batch_size=2]", "sets 'batch_size' twice", "leave one"),
        ("resnet20[chanels_last]", "is neither name=value nor", "did you mean 'channels_last'?"),
        ("resnet*[channels_last]", "a pattern takes none", "write one MODEL for each"),
        ("resnet20[batch=0]", "batch size '0' is not a positive number", "batch_size=8"),
        ("resnet20[batch]", "batch has no value", "arg.batch= is the builder's own argument"),
        ("resnet20[precision=fp8]", "there is no precision 'fp8'", "fp32, tf32"),
        ("resnet20[threads=4096]", "'4096' is not a number of threads", "threads=1"),
        ("resnet20[channels_last=yes]", "channels_last is true or false", "channels_last=true"),
        ("resnet20[compile=fast]", "there is no mode of torch.compile 'fast'", "max-autotune"),
        ("resnet20[module=]", "module has no value", "module=layer1"),
        ("resnet20[module=stage9]", "resnet20 has no module 'stage9'", "did you mean 'stage3'?"),
        ("resnet20[shorcut=B]", "resnet20 has no argument 'shorcut'", "num_classes, shortcut"),
        ("resnet20[precison=bf16]", "no argument 'precison'", "did you mean 'precision'?"),
        ("resnet20[input=3xx]", "'3xx' is not an input size", "3x224x224"),
        ("resnt20[shortcut=B]", "no architecture named 'resnt20'", "did you mean 'resnet20'?"),
    ],
)
def test_what_cannot_be_meant_is_refused(model: str, message: str, hint: str) -> None:
    """With what was wrong, and what to write."""
    with pytest.raises(ArchbenchError) as caught:
        archbench.profile(model)
    assert caught.value.exit_code == 2
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_options_of_resnet20_are_two_counts() -> None:
    """Option B adds projections of 16·32 and 32·64 weights, and the norms of 32 and 64 channels."""
    a, b = (archbench.profile(model).totals for model in ("resnet20", "resnet20[shortcut=B]"))
    assert b.params - a.params == 16 * 32 + 32 * 64 + 2 * (32 + 64)
    assert (a.params, b.params) == (269_722, 272_474)


def test_settings_of_the_model_win() -> None:
    """Over arguments, size and batch that are given beside it."""
    profile = archbench.profile(
        "resnet20[shortcut=B,input=16,batch=4]", 64, 2, model_kwargs={"shortcut": "C"}
    )
    assert profile.model == "resnet20[shortcut=B,input=16,batch=4]"
    assert (profile.inputs[0].shape, profile.batch_size) == ((3, 16, 16), 4)
    assert profile.arguments == {"shortcut": "B"}
    assert profile.totals.params == 272_474


def test_given_tensors_and_a_size_in_brackets_exclude_each_other() -> None:
    """One of the two would be dropped without a word."""
    with pytest.raises(ArchbenchError, match="sets its own input size or batch"):
        archbench.profile("resnet20[batch=2]", inputs=torch.zeros(1, 3, 32, 32))


def test_build_takes_arguments_and_parts() -> None:
    """What only a run has, such as a batch, is refused."""
    assert archbench.build("resnet20[num_classes=7]").fc.out_features == 7
    assert len(archbench.build("resnet20[module=stage1]", shortcut="B")) == 3
    with pytest.raises(ArchbenchError, match="build\\(\\) runs none"):
        archbench.build("resnet20[batch=2]")


@pytest.mark.parametrize(
    ("model", "pattern"),
    [
        *[(name, True) for name in ("resnet*", "resnet?0", "resnet[0-9]*", "resnet[0-9]", "[a-c]")],
        *[(f"resnet{b}", False) for b in ("[a=1]", "[channels_last]", "[batch=2]", "20")],
        *[("net.py:build[width=3]", False), ("net.py:build*", False), ("res*[a=1]", False)],
    ],
)
def test_settings_are_never_a_pattern(model: str, pattern: bool) -> None:
    """Brackets with a key and an equals sign, or with a way of running, are settings."""
    assert is_pattern(model) is pattern


def test_paths_are_told_apart_from_settings() -> None:
    """A colon, a slash or a bracket inside of settings is none of the MODEL's."""
    model = r"nets\net.py:build[input=x:float32:3,place=a/b]"
    assert parts_of(model) == (r"nets\net.py", "build")
    assert portable(model) == "nets/net.py:build[input=x:float32:3,place=a/b]"
    assert not names_file("resnet20[place=a/b]")
    assert parts_of("resnet20[input=x:float32:3]") is None


CONFIGURATION = """
[[cells]]
model = "resnet20[shortcut=B]"
[[cells]]
model = "resnet[0-9]*-c"
[[cells]]
model = "nets.py:build[width=8,input=3x8x8]"
"""


def test_declared_cells_carry_settings_beside_patterns(nets: Path) -> None:
    """Each under its MODEL as it is written; from a subfolder, files start at the root."""
    (nets / "archbench.toml").write_text(CONFIGURATION)
    names = ["resnet20[shortcut=B]", "resnet34-c", "nets.py:build[width=8,input=3x8x8]"]
    assert [cell.name for cell in find_project(nets).cells] == names
    (found,) = select_cells([r"nets.py:build[width=8,input=3x8x8]"]).cells
    assert found.model == names[2]
    (new,) = select_cells(["mypkg/../nets.py:build[width=9]"]).cells
    assert new.model == "nets.py:build[width=9]"
    assert [cell.name for cell in select_cells(["resnet*"]).cells] == names[:2]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("resnet20[shortcut=B", "do not close at its end"),
        ("resnet20[batch=no]", "batch size 'no' is not a positive number"),
        ("resnt20[shortcut=B]", "no architecture named 'resnt20'"),
    ],
)
def test_a_configuration_is_refused_before_anything_is_computed(
    nets: Path, model: str, message: str
) -> None:
    """A cell whose settings cannot be read."""
    (nets / "archbench.toml").write_text(f'[[cells]]\nmodel = "{model}"\n')
    with pytest.raises(ArchbenchError, match=message):
        find_project(nets)


def test_the_shell_completes_settings() -> None:
    """Arguments of the network and ways of running, behind what is there already."""
    assert "resnet20[shortcut=" in complete_model("resnet20[sh")
    assert complete_model("resnet20[shortcut=B,ch") == ["resnet20[shortcut=B,channels_last"]
    assert complete_model("resnet20[shortcut=B,sh") == []
    assert complete_model("resnet20") == ["resnet20"]


class Joins(nn.Module):
    """A part that is called with a place and a name, and gets a table without a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(4, 2, bias=False)

    def forward(self, x: torch.Tensor, table: torch.Tensor, mask: None = None) -> torch.Tensor:
        return self.mix(x) @ table


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4, bias=False)
        self.joins = Joins()
        self.idle = nn.Linear(3, 3)
        self.counts = nn.Linear(3, 3)
        self.flat = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.joins(self.first(x), table=torch.ones(2, 5, device=x.device), mask=None)
        self.flat(self.first(x).repeat(2, 1))
        return y + self.counts(x, 3) if x.dim() == 7 else y


def test_a_part_gets_the_inputs_that_it_gets_in_the_network() -> None:
    """By place and by name, with a batch and without: 4·2 + 2·2·5 multiply-adds for two samples."""
    model = f"{__name__}:Network[module=joins]"
    loaded = load(model)
    plan = plan_for(loaded, "float32:3", 2)
    assert [(spec.name, spec.shape, spec.batched) for spec in plan.specs] == [
        ("x", (4,), True), ("table", (2, 5), False)
    ]  # fmt: skip
    profile = archbench.profile(model, "float32:3", 2)
    assert profile.totals.params == 8
    assert profile.totals.macs == 2 * 4 * 2 + 2 * 2 * 5
    assert plan.network_texts() == ("float32:3",)


def test_parts_of_the_shelf_add_up_to_the_network() -> None:
    """Every stage of resnet20 by itself, at the size it has there."""
    whole = archbench.profile("resnet20")
    for stage in whole.stages:
        part = archbench.profile(f"resnet20[module={stage.name}]").totals
        assert (part.params, part.macs) == (stage.params, stage.macs)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("idle", "is not called in a forward pass"),
        ("flat", "gets an input whose batch is not dimension 0"),
    ],
)
def test_a_part_without_inputs_of_its_own_is_refused(path: str, said: str) -> None:
    """One that never runs, and one whose input grows otherwise than by samples."""
    with pytest.raises(ArchbenchError, match=said):
        archbench.profile(f"{__name__}:Network[module={path}]", "float32:3")


def test_looking_for_a_part_s_inputs_leaves_the_network_as_it_was() -> None:
    """Mode, hooks and random state."""
    loaded = load(f"{__name__}:Network[module=first]")
    assert loaded.whole is not None
    network = loaded.whole.module.train()
    before = torch.get_rng_state()
    plan_for(loaded, "float32:3", 1)
    assert all(module.training for module in network.modules())
    assert not network.first._forward_pre_hooks
    assert torch.equal(torch.get_rng_state(), before)
