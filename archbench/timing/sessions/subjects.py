"""From what a user asks for to cells: every model at every batch size, precision and mode."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from archbench.errors import ArchbenchError, nearest
from archbench.libraries import needed
from archbench.networks.ways import MODES, OPTIMIZERS, PRECISIONS
from archbench.timing.cells import Cell

if TYPE_CHECKING:
    from torch import nn

    from archbench.networks.inputs import InputPlan, InputSize
    from archbench.networks.resolve import Loaded

COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


@dataclass(frozen=True, slots=True)
class Ways:
    """How every model is run: lists are swept, everything with everything."""

    batch_sizes: Sequence[int] = (1,)  #: samples in one pass
    device: str = "auto"  #: "auto", "cpu", "cuda", "cuda:1", "mps"
    precisions: Sequence[str] = ("fp32",)  #: fp32, tf32, fp16, bf16, amp
    modes: Sequence[str] = ("infer",)  #: infer, train
    channels_last: bool = False  #: memory order of images
    compiled: str | None = None  #: mode of torch.compile; None runs eagerly
    cuda_graph: bool = False  #: replay one captured graph
    cold_cache: bool = False  #: let inputs take turns
    optimizer: str = "momentum"  #: of a training step
    threads: int | None = None  #: of the CPU; None leaves torch's own number


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to measure."""

    loaded: "Loaded"  #: the model, without weights where it is one of the shelf
    plans: Mapping[Cell, "InputPlan"]  #: its cells, each with its inputs
    file: str | None = None  #: in which it lies, if it was given as an object

    @property
    def cells(self) -> tuple[Cell, ...]:
        """How it is run: in as many ways as were asked for."""
        return tuple(self.plans)


@contextmanager
def subjects(
    models: Sequence["str | nn.Module"],
    input_size: "InputSize | None",
    model_kwargs: Mapping[str, Any] | None,
    ways: Ways,
) -> Iterator[list[Subject]]:
    """Load every model for analysis and lay out its cells.

    A model that is an object is pickled, for worker processes to read, as long as this lasts.

    Raises:
        ArchbenchError: something is not known, or does not go together.
        UserCodeError: a model's own code raised.
    """
    from archbench.networks.device import check_device
    from archbench.networks.resolve import load

    check_ways(ways)
    device = check_device(ways.device)
    check_device_kind(ways, device.type)
    with TemporaryDirectory(prefix="archbench.", ignore_cleanup_errors=True) as folder:
        found = []
        for i, model in enumerate(models):
            loaded = load(model, model_kwargs, blank=True)
            file = None if isinstance(model, str) else _pickled(loaded, Path(folder) / str(i))
            content = _content(loaded, file)
            found.append(
                Subject(loaded, _cells(loaded, input_size, ways, str(device), content), file)
            )
        yield found


def check_ways(ways: Ways) -> None:
    """Refuse words that are not known, and numbers that are none.

    Raises:
        ArchbenchError: with the nearest word.
    """
    _known("precision", ways.precisions, PRECISIONS)
    _known("mode", ways.modes, MODES)
    _known("optimizer", [ways.optimizer], OPTIMIZERS)
    if ways.compiled is not None:
        _known("mode of torch.compile", [ways.compiled], COMPILE_MODES)
    for size in ways.batch_sizes:
        if not isinstance(size, int) or size < 1:
            raise ArchbenchError(f"batch size {size!r} is not a positive number", "such as 8")
    if ways.threads is not None and (not isinstance(ways.threads, int) or ways.threads < 1):
        raise ArchbenchError(f"{ways.threads!r} threads cannot compute", "threads=1 is the least")


def _known(kind: str, words: Sequence[str], known: Sequence[str]) -> None:
    for word in words:
        if word not in known:
            raise ArchbenchError(
                f"there is no {kind} '{word}'",
                f"{nearest(word, known)}there are {', '.join(known)}",
            )


def check_device_kind(ways: Ways, kind: str) -> None:
    """Refuse what only some kinds of device can do.

    Raises:
        ArchbenchError: with what could be done instead.
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


def _content(loaded: "Loaded", file: str | None) -> str:
    """Tell apart what has the same name: two objects of one class, a file before and after an edit.

    Networks of the shelf, torchvision's and timm's are told by their names.
    """
    from archbench.networks.user_code import source_of

    path = file if loaded.architecture is None and file else source_of(loaded.name)
    if path is None:
        return ""
    return sha256(Path(path).read_bytes()).hexdigest()[:12]


def _cells(
    loaded: "Loaded", input_size: "InputSize | None", ways: Ways, device: str, content: str
) -> dict[Cell, "InputPlan"]:
    from archbench.networks.resolve import plan_for

    plans = {}
    for batch, precision, mode in product(ways.batch_sizes, ways.precisions, ways.modes):
        plan = plan_for(loaded, input_size, batch)
        cell = Cell(
            model=loaded.name,
            arguments=loaded.arguments,
            inputs=plan.texts(),
            content=content,
            batch_size=batch,
            device=device,
            precision=precision,  # type: ignore[arg-type]  # checked above
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


def _pickled(loaded: "Loaded", path: Path) -> str:
    """Write a model to a file, with its class where that has no module to be imported from."""
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
