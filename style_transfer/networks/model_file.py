"""The model file: safetensors with one JSON string in its header. Nothing is ever unpickled.

Header key ``style_transfer``: ``{"format": 1, "network", "arguments", "styles", "training"}``, see
:meth:`StyleModel.describe`. Tensors: ``network.*`` and ``styles.{scales,shifts,output_weight,output_bias}``,
in float16 or float32; ``ranges``, which int8 needs, may be there too (:class:`StyleModel`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from style_transfer.errors import ModelFileError
from style_transfer.files import atomic_path
from style_transfer.networks.base import StyleParameters
from style_transfer.networks.foreign import model_from_examples
from style_transfer.networks.style_model import (
    NETWORKS,
    Style,
    StyleBank,
    StyleModel,
    check_ranges,
    check_style_names,
    check_tensors,
)

FORMAT = 1
HEADER = "style_transfer"


def save_model(model: StyleModel, path: Path, *, dtype: torch.dtype = torch.float16) -> None:
    """Write ``model`` to ``path``, whole or not at all. Raises ``OutputError``."""
    tensors = {f"network.{name}": value for name, value in model.network.state_dict().items()}
    tensors |= {f"styles.{name}": value for name, value in model.bank.state_dict().items()}
    if model.ranges is not None:
        tensors["ranges"] = model.ranges
    tensors = {name: value.detach().to("cpu", dtype).contiguous() for name, value in tensors.items()}
    header = json.dumps({"format": FORMAT, **model.describe()}, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, {HEADER: header}))


def read_header(path: Path) -> dict[str, Any]:
    """The header of a model file without its weights. Raises ``ModelFileError``."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelFileError(f"'{path}' is damaged or no model file: {error}") from error
    if HEADER not in metadata:
        raise ModelFileError(f"'{path}' is a safetensors file, but not a style model of this program")
    try:
        header = json.loads(metadata[HEADER])
        version = header["format"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelFileError(f"'{path}' has a damaged header; fetch the file again") from error
    if version != FORMAT:
        raise ModelFileError(
            f"'{path}' has format {version}, this version reads {FORMAT}; update style-transfer"
        )
    return dict(header)


def read_model(path: Path) -> StyleModel:
    """Read a model file of this program, or a state dictionary of pytorch/examples' fast_neural_style.

    Raises ``ModelFileError`` for a file that is missing, damaged, foreign, or of a later format.
    """
    if not path.is_file():
        raise ModelFileError(f"there is no model file '{path}'; --list-models shows the models that ship")
    if path.suffix.lower() != ".safetensors":
        return model_from_examples(path)
    header = read_header(path)
    try:
        with torch.device("meta"):  # memory is only taken for what the file really holds
            network = NETWORKS[header["network"]](**header["arguments"])
        styles = [Style(**style) for style in header["styles"]]
        check_style_names([style.name for style in styles])
        training = dict(header.get("training") or {})
        with safe_open(path, framework="pt") as file:
            # Copied, because the file itself stays mapped otherwise.
            tensors = {name: file.get_tensor(name).to(torch.float32, copy=True) for name in file.keys()}  # noqa: SIM118
        network.load_state_dict(_below(tensors, "network."), assign=True)
        parameters = StyleParameters(**_below(tensors, "styles."))
        check_tensors(network, parameters, len(styles))
        ranges = tensors.get("ranges")
        if ranges is not None:
            check_ranges(network, ranges, len(styles))
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, SafetensorError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelFileError(
            f"'{path}' does not hold the model that its header speaks of: {reason}"
        ) from error
    return StyleModel(network.eval(), StyleBank(parameters), styles, training, ranges)


def _below(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
