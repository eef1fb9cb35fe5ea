"""Reading the field's common exchange format: state dictionaries of pytorch/examples' fast_neural_style.

That network is :class:`JohnsonNetwork` at the paper's width, on pixels of 0..255, without normalisation and
with a linear output: the factor 255 is folded into its first and last convolution.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from style_transfer.errors import ModelFileError, one_line
from style_transfer.files import readable
from style_transfer.networks.plan import johnson_plan
from style_transfer.networks.stored_model import Array, StoredModel, StoredNetwork
from style_transfer.networks.styles import Style, StyleParameters, typeable_name

# Their modules in order of use, each a convolution and its norm; the last convolution has no norm.
_LAYERS = [
    *((f"conv{i}.conv2d", f"in{i}") for i in (1, 2, 3)),
    *((f"res{i}.conv{j}.conv2d", f"res{i}.in{j}") for i in range(1, 6) for j in (1, 2)),
    ("deconv1.conv2d", "in4"),
    ("deconv2.conv2d", "in5"),
]
_OUTPUT = "deconv3.conv2d"
_PIXEL_RANGE = 255.0
_THEIR_EPSILON = 1e-5


def model_from_examples(path: Path) -> StoredModel:
    """A model of one style, named after the file.

    Raises ``ModelFileError`` for a file that is damaged, holds more than tensors, or is of another network.
    """
    state = read_state_dict(path)
    try:
        width = state["conv1.conv2d.weight"].shape[0]
        plan = johnson_plan(width, epsilon=_THEIR_EPSILON, output="clamp")
        convolutions = [state[f"{conv}.weight"] for conv, _ in _LAYERS]
        # Their biases before a norm change nothing: instance norm takes them out again.
        convolutions[0] = convolutions[0] * _PIXEL_RANGE
        weights = dict(zip(plan.weight_shapes, map(_array, convolutions), strict=True))
        parameters = (
            torch.cat([state[f"{norm}.weight"] for _, norm in _LAYERS])[None],
            torch.cat([state[f"{norm}.bias"] for _, norm in _LAYERS])[None],
            state[f"{_OUTPUT}.weight"][None] / _PIXEL_RANGE,
            state[f"{_OUTPUT}.bias"][None] / _PIXEL_RANGE,
        )
        model = StoredModel(
            StoredNetwork(plan, weights),
            StyleParameters(*map(_array, parameters)),
            [Style(typeable_name(path.stem))],
            {
                "source": "a state dictionary of pytorch/examples fast_neural_style",
                "file": readable(path.name),
            },
        )
        model.check()
    except (KeyError, RuntimeError, IndexError, ValueError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else one_line(error)
        raise ModelFileError(
            f"'{path}' is neither a model of this program nor a fast_neural_style network: {reason}"
        ) from error
    return model


def _array(tensor: Tensor) -> Array:
    return np.ascontiguousarray(tensor.numpy())


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors by name from ``.safetensors`` or a PyTorch file, float32, without unpickling anything else.

    Raises ``ModelFileError``.
    """
    state: Any
    try:
        if path.suffix.lower() == ".safetensors":
            state = load_file(path)
        else:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                        raise ValueError("it is compressed")  # and might grow without bounds
            state = torch.load(path, map_location="cpu", weights_only=True)
            state = state.get("state_dict", state) if isinstance(state, dict) else None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ModelFileError(f"'{path}' is damaged or holds more than weights; it was not opened") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelFileError(
            f"'{path}' holds no state dictionary of tensors; name a file of weights that does"
        )
    # One number can be told to stand in a hundred million places.
    if sum(value.numel() * value.element_size() for value in state.values()) > path.stat().st_size:
        raise ModelFileError(f"'{path}' is damaged: it holds less than it says; it was not opened")
    return {str(name).removeprefix("module."): value.detach().float() for name, value in state.items()}
