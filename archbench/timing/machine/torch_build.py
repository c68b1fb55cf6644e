"""How torch was built, how it is set, and what it is told by variables."""

import re
import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import torch

BLAS_NAMES = {  # what CMake calls them
    "mkl": "MKL",
    "open": "OpenBLAS",
    "accelerate": "Accelerate",
    "nvpl": "NVPL",
    "blis": "BLIS",
    "flexi": "FlexiBLAS",
    "atlas": "ATLAS",
    "generic": "reference BLAS",
}
GIT_DIGITS = 10
VARIABLES = (  # how those begin that change speed
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "VECLIB_", "ONEDNN_", "DNNL_"),
    *("TORCH", "PYTORCH_", "CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32_OVERRIDE"),
    *("LD_PRELOAD", "MALLOC_", "GLIBC_TUNABLES", "ATEN_"),
)

# Where something lies, or what a container calls itself; none of it changes how a network runs.
PLACES = re.compile(
    r"(HOME|PATH|DIR|DIRECTORY|ROOT|CACHE|FILE|VERSION|BUILD_NUMBER|ARCH_LIST)$|CACHE_|^TORCH_LOGS"
)


def build_facts(config: str, parallel: str) -> dict[str, Any]:
    """Read torch's account of itself into fields of an Environment.

    Args:
        config: text of torch.__config__.show().
        parallel: text of torch.__config__.parallel_info().
    """
    return {
        "blas": _blas(config),
        "onednn": _found(r"MKL-DNN v([\w.]+)|oneDNN v([\w.]+)", config),
        "parallel": _found(r"ATen parallel backend: (.+)", parallel),
    }


def _blas(config: str) -> str | None:
    """Name the library, with its version where torch tells: of MKL alone.

    "LAPACK is enabled (usually provided by MKL)" stands there without MKL, too.
    """
    name = _found(r"\bBLAS_INFO=(\w+)", config)
    if name is None and "USE_EIGEN_FOR_BLAS=ON" in config:
        return "Eigen"
    version = _found(r"(?:oneAPI )?Math Kernel Library Version ([\w.]+)", config)
    if version is not None:
        return f"MKL {version}"
    return None if name is None else BLAS_NAMES.get(name, name)


def version_facts() -> dict[str, Any]:
    """Tell what this torch was built for, and from which commit."""
    version = torch.version
    build = "cpu"
    for label, number in (
        ("CUDA", version.cuda),
        ("ROCm", version.hip),
        ("XPU", getattr(version, "xpu", None)),
    ):
        if number:
            build = f"{label} {number}"
    git = getattr(version, "git_version", None)
    return {
        "torch_build": build,
        "torch_git": git[:GIT_DIGITS] if git and git != "Unknown" else None,
        "torch_debug": bool(version.debug),
    }


def setting_facts(cuda: bool) -> dict[str, Any]:
    """Tell the settings that change how long the same network takes.

    Args:
        cuda: whether it runs there; settings that act only there are None elsewhere.
    """
    backends: Any = torch.backends
    facts: dict[str, Any] = {
        "float32_matmul_precision": _precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "flush_denormal": flushes_denormals(),
    }
    if cuda:
        facts |= {
            "tf32_matmul": _tf32(backends.cuda.matmul, backends.cuda.matmul),
            "tf32_cudnn": _tf32(backends.cudnn, getattr(backends.cudnn, "conv", None)),
            "cudnn_benchmark": backends.cudnn.benchmark,
            "deterministic": facts["deterministic"] or backends.cudnn.deterministic,
        }
    return facts


def _precision() -> str | None:
    """Return what float32 products may be computed in; torch 2.9 has a second name for it.

    Asked for under the old name once it was set under the new one, torch raises.
    """
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return getattr(torch.backends, "fp32_precision", None)


def _tf32(old: Any, new: Any) -> bool | None:
    """Tell whether TF32 is allowed, by its old name or by its new one."""
    try:
        return bool(old.allow_tf32)
    except RuntimeError:
        precision = getattr(new, "fp32_precision", None)
        return None if precision is None else precision == "tf32"


def flushes_denormals() -> bool:
    """Tell whether this thread takes the smallest numbers as 0, which torch cannot be asked.

    torch.set_flush_denormal() sets the processor's own flag, so that Python's floats obey it.
    """
    return sys.float_info.min * 0.5 == 0.0


def speed_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Choose those of the environment's variables that change speed, by name.

    Of the libraries in LD_PRELOAD only the names are kept.

    >>> speed_variables({"OMP_NUM_THREADS": "2", "TORCH_HOME": "/x", "LD_PRELOAD": "/a/libjem.so"})
    {'LD_PRELOAD': 'libjem.so', 'OMP_NUM_THREADS': '2'}
    """
    kept = {}
    for name, value in sorted(variables.items()):
        if not name.startswith(VARIABLES) or PLACES.search(name):
            continue
        if name == "LD_PRELOAD":
            value = " ".join(PurePath(path).name for path in re.split(r"[\s:]+", value) if path)
        kept[name] = value
    return kept


def _found(pattern: str, text: str) -> str | None:
    """Return the first group that matched."""
    match = re.search(pattern, text)
    return next(filter(None, match.groups()), None) if match else None
