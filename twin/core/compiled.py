"""How the circulation's arithmetic becomes machine code, and how stale machine code is told apart.

May live here: the options of the compiler and the digest of what was compiled. No physiology.

Numba keeps compiled kernels on disk, but notices changes only of the file a kernel stands in. A
kernel here is made of functions and constants of several files, so each kernel closes over a
digest of them: the digest is part of the cache's key, and a changed equation can never meet old
machine code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar, cast

import numba
import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

# Reassociation and fused multiply-add are wanted, and no division may raise: either would keep the
# loop over members from becoming vector instructions.
_ARITHMETIC: Final[dict[str, Any]] = {"fastmath": True, "error_model": "numpy"}


def single(value: float) -> float:
    """Return a constant in single precision; a Python number would widen what it multiplies."""
    return cast("float", np.float32(value))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a small function that kernels call; the compiler inlines it there."""
    return cast("Callable[P, R]", numba.njit(forceinline=True, **_ARITHMETIC)(function))


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel: kept on disk, run without the interpreter lock."""
    return cast(
        "Callable[P, R]",
        numba.njit(cache=True, nogil=True, boundscheck=False, **_ARITHMETIC)(function),
    )


def digest_of(*modules: ModuleType) -> int:
    """Return a digest of the compiled functions and numeric constants of modules."""
    parts: list[str] = []
    for module in modules:
        for name, value in sorted(vars(module).items()):
            function = getattr(value, "py_func", None)
            if function is not None:
                code = function.__code__
                parts.append(f"{name} {code.co_code.hex()} {code.co_consts!r} {code.co_names!r}")
            elif isinstance(value, int | float | np.floating):
                parts.append(f"{name} {float(value)!r}")
    summary = hashlib.blake2b("\n".join(parts).encode(), digest_size=7).digest()
    return int.from_bytes(summary, "big")


@inlined
def counted(count: int) -> float:
    """Return an integer in single precision, inside a kernel, where Python's would widen."""
    return np.float32(count)  # type: ignore[return-value]
