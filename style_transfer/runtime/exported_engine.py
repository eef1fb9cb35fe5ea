"""What runs a model that came out of ``style-transfer export``."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from style_transfer.errors import UserError, one_line
from style_transfer.networks.exported_file import OnnxModel, PackagedModel
from style_transfer.runtime.device import Device
from style_transfer.runtime.onnx_engine import OnnxEngine

if TYPE_CHECKING:  # for packages only
    from torch import Tensor

    from style_transfer.runtime.torch_engine import Forward

_log = logging.getLogger("style_transfer")


def onnx_engine(model: OnnxModel, *, engine: str, device: str, precision: str, compiled: bool) -> OnnxEngine:
    """ONNX Runtime for ``model``. Raises ``UserError`` for what an ONNX file has not."""
    if engine != "auto" or compiled:
        raise UserError(f"'{model.path}' runs in ONNX Runtime; leave --engine at auto, and --compile out")
    if precision not in ("auto", model.precision):
        raise UserError(f"'{model.path}' is in {model.precision}; export the model with another --precision")
    return OnnxEngine(model, device)


def compiled_forward(
    model: PackagedModel, device: Device, precision: str = "auto", *, ours: bool = False
) -> Forward | None:
    """What is compiled in a package, to be called as the network; None where it does not run on ``device``.

    Nor where another ``precision`` is asked for than it is compiled in.
    It is machine code, which runs as it is: a line in the log says so, unless it is ``ours``. A package of
    another PyTorch, or for other hardware, gives a warning and None.
    """
    if model.device_type != device.type:
        _log.warning("'%s' is compiled for %s: not used on %s", model.path, model.device_type, device.type)
        return None
    if precision not in ("auto", model.precision):
        _log.warning("'%s' is compiled in %s: not used for %s", model.path, model.precision, precision)
        return None
    if not ours:
        _log.warning("'%s' holds machine code; only open .pt2 packages you trust", model.path)
    try:
        live, frozen = (_load(model, name, device) for name in ("model", "frozen"))
    except Exception as error:  # the loader raises what the C++ beneath it raises
        reason = one_line(error)
        _log.warning("the machine code in '%s' does not run here (%s); going on without", model.path, reason)
        return None
    return _Package(model.network.plan.stride, live, frozen)


def _load(model: PackagedModel, name: str, device: Device) -> Callable[..., Any]:
    from torch._inductor.package.package import load_package

    options: dict[str, Any] = {
        "run_single_threaded": True,  # as CUDA graphs need it; one thread at a time uses an engine
        "device_index": -1 if device.index is None else device.index,
    }
    known = inspect.signature(load_package).parameters  # PyTorch 2.6 has not all of them yet
    loaded: Callable[..., Any] = load_package(
        str(model.path), name, **{option: value for option, value in options.items() if option in known}
    )
    return loaded


class _Package:
    """Two compiled graphs as one ``StyleNetwork.forward``; they take whole strides, contiguous NCHW."""

    def __init__(self, stride: int, live: Callable[..., Any], frozen: Callable[..., Any]) -> None:
        self._stride, self._live, self._frozen = stride, live, frozen

    def __call__(self, picture: Tensor, *look: Tensor) -> Tensor:
        from style_transfer.networks.base import pad_to_stride

        height, width = picture.shape[-2:]
        whole = pad_to_stride(picture.float(), self._stride).contiguous()
        painted: Tensor = (self._live if len(look) == 4 else self._frozen)(whole, *look)
        return painted[..., :height, :width]
