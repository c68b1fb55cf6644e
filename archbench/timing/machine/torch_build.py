"""How torch was built, its settings, and the variables that change its speed."""

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
VARIABLES = (  # beginnings of the names of those that change speed
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "VECLIB_", "ONEDNN_", "DNNL_"),
    *("TORCH", "PYTORCH_", "CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32_OVERRIDE"),
    *("LD_PRELOAD", "MALLOC_", "GLIBC_TUNABLES", "ATEN_"),
)

# Endings of variables that name a path or a version; none of them changes how a network runs.
PLACES = re.compile(
    r"(HOME|PATH|DIR|DIRECTORY|ROOT|CACHE|FILE|VERSION|BUILD_NUMBER|ARCH_LIST)$|CACHE_|^TORCH_LOGS"
)


def build_facts(config: str, parallel: str) -> dict[str, Any]:
    """Return the libraries that torch was built with, as fields of an Environment.

    Args:
        config: text of torch.__config__.show().
        parallel: text of torch.__config__.parallel_info().
    """
    return {
        "blas": _blas(config),
        "onednn": _first_group(r"MKL-DNN v([\w.]+)|oneDNN v([\w.]+)", config),
        "parallel": _first_group(r"ATen parallel backend: (.+)", parallel),
    }


def _blas(config: str) -> str | None:
    """Return the library of matrix products, with its version if it is MKL.

    "LAPACK is enabled (usually provided by MKL)" stands in the text without MKL, too.
    """
    name = _first_group(r"\bBLAS_INFO=(\w+)", config)
    if name is None and "USE_EIGEN_FOR_BLAS=ON" in config:
        return "Eigen"
    version = _first_group(r"(?:oneAPI )?Math Kernel Library Version ([\w.]+)", config)
    if version is not None:
        return f"MKL {version}"
    return None if name is None else BLAS_NAMES.get(name, name)


def version_facts() -> dict[str, Any]:
    """Return the platform and the commit of this torch build, as fields of an Environment."""
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
    """Return the settings of torch that change speed, as fields of an Environment.

    Args:
        cuda: whether the network runs there; else CUDA's own settings are left out.
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
    """Return the precision of float32 products.

    torch 2.9 has a second name for this setting; where that was used, the first one raises.
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
    """Tell whether this thread takes subnormal numbers as 0; torch has no function that tells.

    torch.set_flush_denormal() sets the processor's own flag, so that Python's floats obey it.
    """
    return sys.float_info.min * 0.5 == 0.0


def speed_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that change speed, chosen by name.

    The libraries in LD_PRELOAD lose their folders.

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


def _first_group(pattern: str, text: str) -> str | None:
    """Return the first group that a pattern matched; None where it matched nothing."""
    match = re.search(pattern, text)
    return next(filter(None, match.groups()), None) if match else None
