"""Finding models by name: those that ship with the package, or any file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from style_transfer.errors import ModelFileError, UnknownNameError, UserError
from style_transfer.networks.exported_file import read_onnx, read_pt2
from style_transfer.networks.model_file import read_stored
from style_transfer.networks.stored_model import StoredModel

if TYPE_CHECKING:  # PyTorch comes with it
    from style_transfer.networks.style_model import StyleModel

DEFAULT_MODEL = "gallery-fast"


def models_folder() -> Path:
    """Where the shipped models are: inside an installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def list_models() -> list[str]:
    """Names of the models that ship, the default first."""
    names = sorted(path.stem for path in models_folder().glob("*.safetensors"))
    return sorted(names, key=lambda name: name != DEFAULT_MODEL)


def find_model(name_or_path: str | Path) -> Path:
    """The file of a shipped model's name, or the path itself if it looks like one.

    Raises ``UnknownNameError`` for a name that does not ship, ``ModelFileError`` for a path with no file.
    """
    path = Path(name_or_path)
    if str(name_or_path) in list_models():
        return models_folder() / f"{name_or_path}.safetensors"
    if path.is_file():
        return path
    if path.name == str(name_or_path) and not path.suffix:
        raise UnknownNameError("model", str(name_or_path), list_models())
    raise ModelFileError(
        f"there is no model file '{path}'; check its name, or take gallery-fast, which ships"
    )


def load_model(name_or_path: str | Path = DEFAULT_MODEL) -> StyleModel:
    """Load a shipped model by name, or a model file by path, for PyTorch, on the CPU.

    Also reads pytorch/examples' ``.pth`` and, without running anything in it, a ``.pt2`` of this program.
    Raises ``UserError`` for an ONNX file, whose weights cannot be had.
    """
    path = find_model(name_or_path)
    if path.suffix.lower() == ".onnx":
        raise UserError(f"'{path}' is an ONNX file: it only paints; name the model that it was made of")
    from style_transfer.networks.style_model import StyleModel

    return StyleModel.of(open_model(path))


def open_model(name_or_path: str | Path = DEFAULT_MODEL) -> StoredModel:
    """As :func:`load_model`, for painting: without PyTorch; an ONNX file of this program is opened too."""
    path = find_model(name_or_path)
    readers = {".onnx": read_onnx, ".pt2": read_pt2}
    return readers.get(path.suffix.lower(), read_stored)(path)
