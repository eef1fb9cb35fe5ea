"""The model file: safetensors with one JSON string in its header. Nothing is ever unpickled.

Header key ``style_transfer``: ``{"format": 1, "network", "arguments", "styles", "training"}``, see
:meth:`StoredModel.describe`. Tensors: ``network.*`` and
``styles.{scales,shifts,output_weight,output_bias}``, in float16 or float32; ``int8.{centers,spans,units}``,
see :class:`Ranges`, may be there too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from style_transfer.errors import ModelFileError, one_line
from style_transfer.files import atomic_path
from style_transfer.networks.plan import PLANS
from style_transfer.networks.stored_model import Array, StoredModel, StoredNetwork
from style_transfer.networks.styles import Ranges, Style, StyleParameters, check_style_names

if TYPE_CHECKING:  # PyTorch comes with it
    from style_transfer.networks.style_model import StyleModel

FORMAT = 1
HEADER = "style_transfer"


def save_model(model: StyleModel, path: Path, *, dtype: DTypeLike = np.float16) -> None:
    """Write ``model`` to ``path``, whole or not at all, in float32 if ``dtype`` has no room for its numbers.

    Raises ``OutputError``.
    """
    exact = model.stored().tensors()
    with np.errstate(over="ignore"):
        tensors = {name: value.astype(dtype) for name, value in exact.items()}
    if not all(np.isfinite(value).all() for value in tensors.values()):
        tensors = dict(exact)
    header = json.dumps({"format": FORMAT, **model.describe()}, ensure_ascii=False)
    with atomic_path(path, lasting=True) as temporary:
        temporary.write_bytes(save(tensors, {HEADER: header}))


def exact_dtype(model: StyleModel) -> DTypeLike:
    """float16 where it holds the model's numbers exactly, as with every model that ships, else float32."""
    with np.errstate(over="ignore"):
        tensors = model.stored().tensors().values()
        exact = all(np.array_equal(value, value.astype(np.float16)) for value in tensors)
    return np.float16 if exact else np.float32


def read_header(path: Path) -> dict[str, Any]:
    """The header of a model file without its weights. Raises ``ModelFileError``."""
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelFileError(
            f"'{path}' is damaged or no model file ({one_line(error)}); fetch it again"
        ) from error
    if HEADER not in metadata:
        raise ModelFileError(
            f"'{path}' is a safetensors file, but no style model of this program; name one that is"
        )
    try:
        header = json.loads(metadata[HEADER])
        version = header["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(f"'{path}' has a damaged header; fetch the file again") from error
    if version != FORMAT:
        raise ModelFileError(
            f"'{path}' has format {version!r}, this version reads {FORMAT}; update style-transfer"
        )
    return dict(header)


def read_stored(path: Path) -> StoredModel:
    """Read a model file of this program, or a state dictionary of pytorch/examples' fast_neural_style.

    Raises ``ModelFileError`` for a file that is damaged, foreign, or of a later format.
    """
    if path.suffix.lower() != ".safetensors":
        from style_transfer.networks.foreign import model_from_examples

        return model_from_examples(path)
    header = read_header(path)
    try:
        plan = PLANS[header["network"]](**header["arguments"])
        styles = [Style(**style) for style in header["styles"]]
        check_style_names([style.name for style in styles])
        training = dict(header.get("training") or {})
        with safe_open(path, framework="np") as file:
            # Copied, because the file itself stays mapped otherwise.
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
        found = _below(tensors, "network.")
        weights = {name: found.pop(name) for name in plan.weight_shapes if name in found} | found
        parameters = StyleParameters(**_below(tensors, "styles."))
        network = StoredNetwork(plan, weights)
        int8 = _below(tensors, "int8.")
        ranges = Ranges(**int8) if int8 else None
        model = StoredModel(network, parameters, styles, training, ranges)
        model.check()
    except (KeyError, TypeError, ValueError, AttributeError, SafetensorError) as error:
        raise ModelFileError(
            f"'{path}' does not hold the model that its header speaks of ({one_line(error)}); fetch it again"
        ) from error
    return model


def _below(tensors: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
