"""The commands on models and data so tiny that a run takes a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import make_model

from style_transfer.cli.train import main
from style_transfer.networks.model_file import save_model


@pytest.fixture
def train(paintings: list[Path], photo_folder: Path, vgg_file: Path, tmp_path: Path) -> Any:
    """Run the command on tiny data; its exit code. A flag of None is left out."""

    def train(*more: str, **flags: Any) -> int:
        tiny = {"style_image": paintings[:1], "dataset": photo_folder, "vgg_weights": vgg_file,
                "output": tmp_path / "out" / "m.safetensors", "steps": 2, "width": 4, "batch_size": 1,
                "image_size": 64, "style_size": 64, "device": "cpu", "precision": "fp32"}  # fmt: skip
        argv = list(more)
        for name, value in {**tiny, **flags}.items():
            if value is not None:
                values = value if isinstance(value, list) else [value]
                argv += [f"--{name.replace('_', '-')}", *map(str, values)]
        return main(argv)

    return train


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with three styles. Shared: not to be written over."""
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_model(make_model(), path)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """A model with two styles, neither named after the paintings of the tests."""
    model = make_model(styles=2)
    path = tmp_path / "gallery.safetensors"
    save_model(model, path)
    return path
