"""What writing exported files takes beside PyTorch: looked for, and none of it imported, which is slow."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec

from style_transfer.errors import UserError

_COMPILERS = {"darwin": "clang++", "win32": "cl"}  # that PyTorch calls where CXX names none; elsewhere g++


def check_onnx_packages() -> None:
    """Raise ``UserError`` where a package is missing that an ONNX file is written with."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        if find_spec(name) is None:
            raise UserError(f"ONNX needs the package {name}: pip install onnx onnxscript onnxruntime")


def check_compiler(flag: str) -> None:
    """Raise ``UserError``, of ``flag``, where the C++ compiler is missing that PyTorch would call."""
    compiler = os.environ.get("CXX", _COMPILERS.get(sys.platform, "g++"))
    if not any(map(shutil.which, (compiler, compiler.partition(" ")[0]))):
        raise UserError(
            f"{flag} needs a C++ compiler, and there is no '{compiler}'; install it, or name another in CXX"
        )
