"""How models are run, and their cells: each model at every batch size, precision and mode."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from archbench.errors import ArchbenchError
from archbench.libraries import needed
from archbench.networks.model_settings import settings_of
from archbench.networks.ways import (
    COMPILE_MODES,
    MODES,
    OPTIMIZERS,
    PRECISIONS,
    ModelWays,
    check_words,
)
from archbench.timing.cells import Cell

if TYPE_CHECKING:
    from torch import nn

    from archbench.networks.inputs import InputPlan, InputSize
    from archbench.networks.resolve import Loaded


@dataclass(frozen=True, slots=True)
class Ways:
    """How every model is run; each combination of the lists makes a cell."""

    batch_sizes: Sequence[int] = (1,)  #: samples in one pass
    device: str = "auto"  #: "auto", "cpu", "cuda", "cuda:1", "mps"
    precisions: Sequence[str] = ("fp32",)  #: fp32, tf32, fp16, bf16, amp
    modes: Sequence[str] = ("infer",)  #: infer, train
    channels_last: bool = False  #: memory order of images
    compiled: str | None = None  #: mode of torch.compile; None runs eagerly
    cuda_graph: bool = False  #: replay one captured graph
    cold_cache: bool = False  #: cycle through many inputs, so that none is in the cache
    optimizer: str = "momentum"  #: of a training step
    threads: int | None = None  #: of the CPU; None leaves torch's own number

    def of_model(self, own: ModelWays) -> "Ways":
        """Return how one MODEL is run: what its brackets say wins."""
        return replace(
            self,
            batch_sizes=self.batch_sizes if own.batch_size is None else (own.batch_size,),
            precisions=self.precisions if own.precision is None else (own.precision,),
            channels_last=self.channels_last if own.channels_last is None else own.channels_last,
            compiled=self.compiled if own.compile is None else own.compile or None,
            threads=self.threads if own.threads is None else own.threads,
        )


@dataclass(frozen=True, slots=True)
class ModelCells:
    """One model to measure: its cells, and its pickle file if it was passed as an nn.Module."""

    loaded: "Loaded"  #: the model; networks of the registry have no weights
    plans: Mapping[Cell, "InputPlan"]  #: inputs of each of its cells
    file: str | None = None  #: the pickle file

    @property
    def cells(self) -> tuple[Cell, ...]:
        """One cell for each combination of batch size, precision and mode."""
        return tuple(self.plans)


@contextmanager
def model_cells(
    models: Sequence["str | nn.Module"],
    input_size: "InputSize | None",
    model_kwargs: Mapping[str, Any] | None,
    ways: Ways,
) -> Iterator[list[ModelCells]]:
    """Return every model, loaded for analysis, with its cells.

    A model that is an object is pickled for worker processes; the file lasts as long as the
    context.

    Raises:
        ArchbenchError: an option is not known, or two options exclude each other.
        UserCodeError: a model's own code raised.
    """
    from archbench.networks.device import check_device
    from archbench.networks.resolve import load

    check_ways(ways)
    device = check_device(ways.device)
    own_ways = [_ways_of(model, ways) for model in models]
    for own in own_ways or [ways]:
        check_device_kind(own, device.type)
    with TemporaryDirectory(prefix="archbench.", ignore_cleanup_errors=True) as folder:
        found: list[ModelCells] = []
        for i, (model, own) in enumerate(zip(models, own_ways, strict=True)):
            loaded = load(model, model_kwargs, blank=True)
            if not isinstance(model, str):
                loaded = _numbered(loaded, [one.loaded.name for one in found])
            file = None if isinstance(model, str) else _pickle(loaded, Path(folder) / str(i))
            content = _content_hash(loaded, file)
            found.append(
                ModelCells(loaded, _cells(loaded, input_size, own, str(device), content), file)
            )
        yield found


def _numbered(loaded: "Loaded", names: Sequence[str]) -> "Loaded":
    """Return a module under a name that none before it has: "Net (2)" for the second Net."""
    number = 1 + sum(name.partition(" (")[0] == loaded.name for name in names)
    return loaded if number == 1 else replace(loaded, name=f"{loaded.name} ({number})")


def _ways_of(model: "str | nn.Module", ways: Ways) -> Ways:
    """Return how one model is run; a module has no ways of its own."""
    return ways.of_model(settings_of(model).ways) if isinstance(model, str) else ways


def check_ways(ways: Ways) -> None:
    """Check every option whose value could be misspelt or not positive.

    Raises:
        ArchbenchError: a word is not known, with the nearest one; or a number is not positive.
    """
    check_words("precision", ways.precisions, PRECISIONS)
    check_words("mode", ways.modes, MODES)
    check_words("optimizer", [ways.optimizer], OPTIMIZERS)
    if ways.compiled is not None:
        check_words("mode of torch.compile", [ways.compiled], COMPILE_MODES)
    for size in ways.batch_sizes:
        if not isinstance(size, int) or size < 1:
            raise ArchbenchError(f"batch size {size!r} is not a positive number", "such as 8")
    if ways.threads is not None and (not isinstance(ways.threads, int) or ways.threads < 1):
        raise ArchbenchError(f"{ways.threads!r} threads cannot compute", "threads=1 is the least")


def compile_mode(asked: str | bool | None) -> str | None:
    """Return the mode of torch.compile that a caller asks for; None runs eagerly.

    >>> compile_mode(True), compile_mode(False), compile_mode("max-autotune")
    ('default', None, 'max-autotune')
    """
    if isinstance(asked, bool):
        return "default" if asked else None
    return asked


def check_device_kind(ways: Ways, kind: str) -> None:
    """Check the options that only some kinds of device know.

    Raises:
        ArchbenchError: this kind does not know one; or two options exclude each other.
    """
    if kind != "cuda" and "tf32" in ways.precisions:
        raise ArchbenchError(f"TF32 is a precision of CUDA devices, not of '{kind}'", "-d cuda")
    if kind != "cuda" and ways.cuda_graph:
        raise ArchbenchError(f"--cuda-graph needs a CUDA device, not '{kind}'", "-d cuda")
    if ways.cuda_graph and ways.cold_cache:
        raise ArchbenchError(
            "a CUDA graph reads the same input every time, which --cold-cache does not",
            "choose one",
        )


def _content_hash(loaded: "Loaded", file: str | None) -> str:
    """Return a hash of the user's own code or object; empty where the name is enough.

    Two objects of one class, and a file before and after an edit, have the same name. The name is
    enough for networks of the registry, of torchvision and of timm.
    """
    from archbench.networks.user_code import source_of

    path = file if loaded.architecture is None and file else source_of(loaded.name)
    if path is None:
        return ""
    return sha256(Path(path).read_bytes()).hexdigest()[:12]


def _with_file(content: str, file: str | None) -> str:
    """Return a hash of a model's content and of the file that makes its inputs, if there is one."""
    if file is None or not Path(file).is_file():
        return content
    return sha256(content.encode() + Path(file).read_bytes()).hexdigest()[:12]


def _cells(
    loaded: "Loaded", input_size: "InputSize | None", ways: Ways, device: str, content: str
) -> dict[Cell, "InputPlan"]:
    from archbench.networks.resolve import plan_for

    plans = {}
    for batch, precision, mode in product(ways.batch_sizes, ways.precisions, ways.modes):
        plan = plan_for(loaded, input_size, batch)
        file = None if plan.function is None else plan.function.file
        cell = Cell(
            model=loaded.name,
            arguments=loaded.arguments,
            inputs=plan.network_texts(),
            content=_with_file(content, file),
            batch_size=batch,
            device=device,
            precision=precision,  # type: ignore[arg-type]  # check_ways
            channels_last=ways.channels_last,
            compiled=ways.compiled,
            cuda_graph=ways.cuda_graph,
            cold_cache=ways.cold_cache,
            mode=mode,  # type: ignore[arg-type]  # likewise
            optimizer=ways.optimizer,  # type: ignore[arg-type]  # likewise
            threads=ways.threads,
        )
        plans[cell] = plan
    return plans


def _pickle(loaded: "Loaded", path: Path) -> str:
    """Write a model to a file, with its class where no module has it; return the file's path."""
    with needed("cloudpickle", "measuring"):
        import cloudpickle

    try:
        path.write_bytes(cloudpickle.dumps(loaded.module))
    except Exception as error:
        raise ArchbenchError(
            f"{loaded.name} cannot be pickled for a worker process: {error}",
            "name it as my_net.py:factory instead",
        ) from error
    return str(path)
