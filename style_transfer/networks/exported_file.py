"""Exported files as models: what ``.onnx`` and ``.pt2`` files say of themselves, read without running them.

An ONNX file holds a finished graph. Its model knows the styles and the network's shape, not its weights: ONNX
Runtime can paint with it and nothing else. A ``.pt2`` file carries a whole model file beside its
graph. That alone is read here: ``torch.export.load`` unpickles, and evaluates expressions written in the
file, so nothing that paints calls it.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from style_transfer.errors import ModelFileError, UserError, one_line
from style_transfer.networks.model_file import exact_dtype, read_stored, save_model
from style_transfer.networks.plan import PLANS
from style_transfer.networks.stored_model import StoredModel, StoredNetwork
from style_transfer.networks.styles import Style, StyleParameters, check_style_names

if TYPE_CHECKING:  # PyTorch comes with it
    from style_transfer.networks.style_model import StyleModel

SMALLEST = 16  #: height and width, in pixels, that an exported file takes: two strides of every network
MODEL_ENTRY = "style_transfer.safetensors"  #: the model file inside a .pt2 archive
COMPILED_ENTRY = "style_transfer_compiled.json"  #: in a package: what it was compiled for


@dataclass(eq=False)
class OnnxModel(StoredModel):
    """A model whose weights are in an ONNX file.

    ``network`` has a plan and no numbers. What a style owns is its place in the file's input ``weights``:
    mixed, :attr:`StyleParameters.scales` is that input. A file with one mix baked in has one style, named
    after it.
    """

    path: Path = Path()
    mixes: bool = False  #: the file has the input ``weights``
    frozen: bool = False  #: the norms' statistics are in the file; otherwise each picture gives its own
    precision: str = "fp32"

    def describe(self) -> dict[str, Any]:
        statistics = "frozen" if self.frozen else "live"
        return {**super().describe(), "statistics": statistics, "precision": self.precision}


@dataclass(eq=False)
class PackagedModel(StoredModel):
    """A whole model, and where its network lies compiled for one device: ``path``, for ``device_type``."""

    path: Path = Path()
    device_type: str = "cpu"
    precision: str = "fp32"


def read_onnx(path: Path) -> OnnxModel:
    """What an ONNX file of this program says of itself.

    Raises ``ModelFileError`` for any other file, ``UserError`` where ONNX Runtime is missing.
    """
    about = _onnx_metadata(path)
    try:
        description = json.loads(about["description"])
        mix = json.loads(about["mix"])
        styles = [Style(**style) for style in description["styles"]]
        if mix is not None:
            styles = [_baked(mix, styles)]
        check_style_names([style.name for style in styles])
        plan = PLANS[description["network"]](**description["arguments"])
        training = dict(description.get("training") or {})
        precision = about.get("precision", "fp32")
        if precision not in ("fp32", "fp16"):
            raise ValueError(f"there is no precision {precision!r}")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelFileError(f"'{path}' is no ONNX file of this program; export the model again") from error
    nothing = np.zeros((len(styles), 0), np.float32)
    return OnnxModel(
        StoredNetwork(plan, {}),
        StyleParameters(np.eye(len(styles), dtype=np.float32), nothing, nothing, nothing),
        styles,
        training,
        path=path,
        mixes=mix is None,
        frozen=about.get("statistics") == "frozen",
        precision=precision,
    )


def read_pt2(path: Path) -> StoredModel:
    """The model inside a ``.pt2`` file: a :class:`PackagedModel` where it is compiled. Nothing is executed.

    Raises ``ModelFileError`` for any other file.
    """
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            entries = {name.rpartition("/")[2]: name for name in archive.namelist()}
            inside = Path(folder) / "model.safetensors"
            for entry in {MODEL_ENTRY, COMPILED_ENTRY} & entries.keys():
                if archive.getinfo(entries[entry]).compress_type != zipfile.ZIP_STORED:
                    raise ValueError(f"its {entry} is compressed")  # and might grow without bounds
            inside.write_bytes(archive.read(entries[MODEL_ENTRY]))
            model = read_stored(inside)
            if COMPILED_ENTRY not in entries:
                return model
            compiled = json.loads(archive.read(entries[COMPILED_ENTRY]))
            device, precision = str(compiled["device"]), str(compiled["precision"])
            if not device.isalnum() or precision not in ("fp32", "fp16"):
                raise ValueError("it is compiled for nothing that there is")
    except KeyError as error:
        raise ModelFileError(
            f"'{path}' is no .pt2 file of this program, or of an early version; export the model again"
        ) from error
    except ModelFileError as error:  # of what is inside, by a name that only this process knows
        raise ModelFileError(f"'{path}' is damaged; export the model again") from error
    except (OSError, ValueError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise ModelFileError(
            f"'{path}' is damaged or no .pt2 file of this program ({one_line(error)}); export it again"
        ) from error
    parts = {part.name: getattr(model, part.name) for part in fields(StoredModel)}
    return PackagedModel(**parts, path=path, device_type=device, precision=precision)


def add_model(path: Path, model: StyleModel, compiled: Mapping[str, str] | None = None) -> None:
    """Put ``model`` into the ``.pt2`` archive ``path``, and what its graphs are ``compiled`` for, if so."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "a") as archive:
        inside = Path(folder) / "model.safetensors"
        save_model(model, inside, dtype=exact_dtype(model))
        root = archive.namelist()[0].partition("/")[0]
        archive.write(inside, f"{root}/{MODEL_ENTRY}")
        if compiled is not None:
            archive.writestr(f"{root}/{COMPILED_ENTRY}", json.dumps(compiled))


def _baked(mix: Mapping[str, float], styles: list[Style]) -> Style:
    """The one style of a file with ``mix`` in it."""
    names = [name for name, weight in mix.items() if weight > 0]
    if len(names) == 1:
        return styles[[style.name for style in styles].index(names[0])]
    return Style("+".join(names), title=",".join(f"{name}:{mix[name]:g}" for name in names))


def _onnx_metadata(path: Path) -> dict[str, str]:
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4  # what is wrong is raised
    try:
        session = runtime.InferenceSession(path.read_bytes(), options, ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception for each of its moods
        reason = one_line(error)
        raise ModelFileError(f"'{path}' is damaged or no ONNX file ({reason}); export it again") from error
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
    return metadata


def import_onnxruntime() -> Any:
    """ONNX Runtime, or ``UserError`` where it is not installed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(
            "ONNX files need ONNX Runtime: pip install onnxruntime (onnxruntime-gpu for CUDA)"
        ) from error
    return onnxruntime
