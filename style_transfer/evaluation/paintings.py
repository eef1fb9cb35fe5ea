"""The paintings that styles were trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from style_transfer.errors import InputFileError
from style_transfer.media.image import IMAGE_EXTENSIONS
from style_transfer.networks.styles import composed


def find_paintings(paths: Sequence[Path], names: Sequence[str]) -> dict[str, Path]:
    """The image named after each style, among files and in folders. Raises ``InputFileError`` without one."""
    files: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_EXTENSIONS)
        elif path.is_file():
            found = [path]
        else:
            raise InputFileError(f"there is no painting '{path}'; --style-images takes files and folders")
        for file in found:
            files.setdefault(composed(file.stem), file)
    if missing := [name for name in names if composed(name) not in files]:
        raise InputFileError(
            f"--style-images has no painting named {', '.join(missing)}; name the file after the style, "
            "or choose others with --styles"
        )
    return {name: files[composed(name)] for name in names}
