"""Real-time neural style transfer.

::

    from style_transfer import Stylizer

    stylize = Stylizer("gallery-fast", style="great_wave")
    painting = stylize(photo)  # uint8 (H, W, 3) RGB in, the same out

Names are imported on first use (PEP 562), so that ``--help`` does not wait for NumPy, let alone PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["StyleModel", "Stylizer", "list_models", "load_model"]

_HOME = {
    "Stylizer": "style_transfer.runtime.stylizer",
    "StyleModel": "style_transfer.networks.style_model",
    "list_models": "style_transfer.networks.catalogue",
    "load_model": "style_transfer.networks.catalogue",
}

if TYPE_CHECKING:
    from style_transfer.networks.catalogue import list_models, load_model
    from style_transfer.networks.style_model import StyleModel
    from style_transfer.runtime.stylizer import Stylizer


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
