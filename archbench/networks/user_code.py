"""Load a network from the user's own code: a file, an installed module, torchvision or timm.

Whatever that code raises becomes a UserCodeError with its cause; what archbench itself refuses (no
such file, no such name, wrong arguments) is an ArchbenchError.
"""

import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

import torch
from torch import nn

from archbench.errors import ArchbenchError, UserCodeError
from archbench.networks.import_path import import_from
from archbench.networks.names import parts_of
from archbench.private_torch import drop_flop_formulas, put_flop_formulas_back

# Arguments by which libraries load published weights. Weights change no count, and times are taken
# with random ones: nothing is downloaded unless the user asks for it.
NO_WEIGHTS: Mapping[str, Any] = {
    "weights": None,
    "weights_backbone": None,  # torchvision's detection and segmentation
    "encoder_weights": None,  # segmentation_models_pytorch
    "pretrained": False,
    "pretrained_backbone": False,
}

ZOOS = ("torchvision", "timm")  # in place of a file or module
MODEL = "MODEL is path/to/file.py:factory or package.module:factory"


@dataclass(frozen=True, slots=True)
class Source:
    """A file or module of the user's, imported."""

    place: str  #: as the user wrote it: "nets/net.py" or "nets.net"
    module: ModuleType  #: what was imported

    def member(self, name: str) -> Any:
        """Return what the file or module calls by a name.

        Raises:
            ArchbenchError: it has nothing of that name; the hint offers names that it has.
        """
        found = getattr(self.module, name, None)
        if found is None:
            near = get_close_matches(name, _public(self.module), n=1)
            raise ArchbenchError(
                f"'{self.place}' has nothing named '{name}'",
                f"did you mean '{self.place}:{near[0]}'?" if near else self._offer(),
            )
        return found

    def _offer(self) -> str:
        """Name what the user's module defines itself, which is what a factory can be."""
        own = [
            name
            for name in _public(self.module)
            if callable(one := getattr(self.module, name))
            and one.__module__ == self.module.__name__
        ]
        if not own:
            return f"'{self.place}' defines no function or class"
        return f"it defines {', '.join(own[:8])}{' and more' if len(own) > 8 else ''}"


def import_source(place: str) -> Source:
    """Import a file, whose path ends in .py, or a module.

    Raises:
        ArchbenchError: there is no such file or module.
        UserCodeError: the import raised.
    """
    found = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    return Source(place, found)


def load(model: str, kwargs: Mapping[str, Any]) -> tuple[nn.Module, Source | None]:
    """Build the module that a MODEL with a colon names; return it and where its factory lies.

    The latter is None for networks of torchvision and timm.

    Args:
        model: "path/to/file.py:factory", "package.module:factory", "torchvision:NAME" or
            "timm:NAME"; a factory is a function, a class, or a module that is ready.
        kwargs: arguments of the factory.

    Raises:
        ArchbenchError: the name leads nowhere, or the factory does not take these arguments.
        UserCodeError: import or factory raised.
    """
    place, name = parts_of(model) or ("", "")
    if place == "torchvision":
        return _from_zoo(model, "torchvision.models", "get_model", name, kwargs), None
    if place == "timm":
        return _from_zoo(model, "timm", "create_model", name, kwargs), None
    if not place or not name:
        raise ArchbenchError(f"'{model}' is not a MODEL", MODEL)
    source = import_source(place)
    factory = source.member(name)
    if isinstance(factory, nn.Module):
        if kwargs:
            raise ArchbenchError(f"'{model}' is a module already and takes no arguments")
        return factory, source
    if not callable(factory):
        raise ArchbenchError(
            f"'{model}' is {a_noun(type(factory).__name__)}, "
            "not a function or class that builds one"
        )
    return _construct(model, factory, kwargs), source


def source_of(model: str) -> str | None:
    """Return the file in which a MODEL's factory is written, if that is the user's own.

    Only that one: what it imports is not followed.
    """
    place, name = parts_of(model) or ("", "")
    if not place or not name or place in ZOOS:
        return None
    if place.endswith(".py"):
        return place
    module = sys.modules.get(place)
    return getattr(module, "__file__", None)


def _construct(model: str, factory: Callable[..., Any], kwargs: Mapping[str, Any]) -> nn.Module:
    if _is_installed(factory):
        kwargs = without_weights(factory, kwargs)
    try:
        inspect.signature(factory).bind(**kwargs)
    except TypeError as error:
        raise ArchbenchError(
            f"'{model}' cannot be called so: {error}",
            "--model-kwargs name=value gives an argument, and can be repeated",
        ) from None
    except ValueError:
        pass  # a builtin without a signature: the call will tell
    with user_code(f"'{model}'"):
        built = factory(**kwargs)
    if not isinstance(built, nn.Module):
        if inspect.iscoroutine(built):
            built.close()  # else Python warns that nobody waited for it
        kind = type(built).__name__
        raise ArchbenchError(f"'{model}' returned {a_noun(kind)}, not a torch.nn.Module")
    return built


def _is_installed(factory: Callable[..., Any]) -> bool:
    """Tell whether a factory is an installed library's."""
    try:
        source = Path(inspect.getfile(inspect.unwrap(factory))).resolve()
    except (TypeError, OSError):
        return False
    return any(source.is_relative_to(sysconfig.get_path(name)) for name in ("purelib", "platlib"))


def without_weights(factory: Callable[..., Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of a library's factory with which it loads no published weights."""
    try:
        takes = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # a builtin
        return dict(kwargs)
    return {name: value for name, value in NO_WEIGHTS.items() if name in takes} | dict(kwargs)


def a_noun(noun: str) -> str:
    """Write a noun behind its article.

    >>> a_noun("Tensor"), a_noun("int")
    ('a Tensor', 'an int')
    """
    return f"an {noun}" if noun[0] in "aeiouAEIOU" else f"a {noun}"


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ArchbenchError(f"there is no file '{path}'", MODEL)
    loader = _FromSource(path.stem, str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path, loader=loader)
    assert spec is not None  # it has a loader
    module = importlib.util.module_from_spec(spec)
    _let_see_neighbours(path.resolve().parent)
    rules = drop_flop_formulas(path)
    sys.modules.setdefault(path.stem, module)  # pickling and dataclasses look a class up there
    text = path.read_bytes()
    try:
        with user_code(f"importing '{path}'"):
            loader.exec_module(module)
    except UserCodeError as error:
        before = _imported.get(path.resolve())
        if before is not None and before[0] == text:  # it registers what can be there only once
            put_flop_formulas_back(rules)
            return before[1]
        package = _package_of(path.resolve())
        if package is None or not _needs_package(error.__cause__):
            raise
        drop_flop_formulas(path)  # the file ran up to its first import by dots
        if package[1] in sys.modules:  # which Python does not run again
            put_flop_formulas_back(rules)
        sys.path.insert(0, str(package[0]))
        with user_code(f"importing '{path}'"):
            return importlib.import_module(package[1])
    _imported[path.resolve()] = text, module
    return module


#: the files that ran to their end: what was written in them, and the module that each made last
_imported: dict[Path, tuple[bytes, ModuleType]] = {}


def _package_of(path: Path) -> tuple[Path, str] | None:
    """Return the folder that holds a file's outermost package, and the file's name in it."""
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return (folder, ".".join(names)) if len(names) > 1 else None


def _needs_package(error: BaseException | None) -> bool:
    """Tell whether a file imports by its place in a package: `from . import`."""
    return isinstance(error, ImportError) and "attempted relative import" in str(error)


class _FromSource(SourceFileLoader):
    """Compile a file as it is now, and write no bytecode beside it.

    Python's bytecode knows its source by size and whole seconds: a file that was changed and kept
    its length within a second would be counted as it was before.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Return the module's code."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


_folders: set[Path] = set()  # of the model files that were imported


def _let_see_neighbours(folder: Path) -> None:
    """Let a model file import what lies beside it, also where another's neighbours have its names.

    Those are forgotten then; whoever imported them keeps them.
    """
    for name in {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}:
        if _home(sys.modules.get(name)) in _folders - {folder}:
            for known in [n for n in sys.modules if n == name or n.startswith(f"{name}.")]:
                del sys.modules[known]
    if str(folder) in sys.path:
        sys.path.remove(str(folder))
    sys.path.insert(0, str(folder))
    _folders.add(folder)
    importlib.invalidate_caches()  # a file may be newer than Python's listing of its folder


def _home(module: ModuleType | None) -> Path | None:
    """Return the folder that a module or package was found in."""
    places = list(getattr(module, "__path__", ())) or [getattr(module, "__file__", None)]
    return Path(places[0]).parent if places[0] else None


def _import_module(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ArchbenchError(f"'{name}' is neither a module's name nor a Python file", MODEL)
    import_from(Path.cwd())
    try:
        with user_code(f"importing '{name}'"):
            return importlib.import_module(name)
    except UserCodeError as error:
        missing = error.__cause__
        absent = missing.name if isinstance(missing, ModuleNotFoundError) else None
        if absent is not None and f"{name}.".startswith(f"{absent}."):
            raise ArchbenchError(
                f"there is no module named '{name}'",
                MODEL,
            ) from None
        raise  # the module exists, and something it imports does not


def _from_zoo(
    model: str, package: str, maker: str, name: str, kwargs: Mapping[str, Any]
) -> nn.Module:
    """Build a network that a package knows by name, without weights of its own."""
    release = torch.__version__.partition("+")[0]
    try:
        source = importlib.import_module(package)
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another torch
        raise ArchbenchError(
            f"'{model}' needs {package}, which cannot be imported: {error}",
            f"pip install {package.partition('.')[0]} torch=={release} brings one that fits",
        ) from error
    names = list(source.list_models())
    if name not in names:
        near = get_close_matches(name, names, n=1)
        raise ArchbenchError(
            f"{package} has no model named '{name}'",
            f"did you mean '{model.partition(':')[0]}:{near[0]}'?" if near else "",
        )
    if package == "torchvision.models":  # timm's maker loads none
        kwargs = without_weights(source.get_model_builder(name), kwargs)
    with user_code(f"'{model}'"):
        built: nn.Module = getattr(source, maker)(name, **kwargs)
        return built


def _public(source: ModuleType) -> list[str]:
    return [name for name in vars(source) if not name.startswith("_")]


@contextmanager
def exit_raises() -> Iterator[None]:
    """Let os._exit() raise SystemExit in this process, which would end without a word.

    Processes that are forked meanwhile end by it as ever.
    """
    end, own = os._exit, os.getpid()

    def leave(code: int) -> NoReturn:
        if os.getpid() == own:
            raise SystemExit(code)
        end(code)

    os._exit = leave  # type: ignore[assignment]  # it is called by place
    try:
        yield
    finally:
        os._exit = end


@contextmanager
def argv_without_options() -> Iterator[None]:
    """Hide the arguments of the program, so that a factory which parses them takes its defaults."""
    before = sys.argv
    sys.argv = before[:1]
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def user_code(doing: str) -> Iterator[None]:
    """Turn what the user's code raises into a UserCodeError that says what was being done."""
    try:
        with exit_raises(), argv_without_options():
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserCodeError(
            f"{doing} raised {describe(error)}", "--debug shows the traceback"
        ) from error


def describe(error: BaseException) -> str:
    """Write an exception in one line: its type and the first line of its message."""
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
