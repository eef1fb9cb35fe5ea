"""Fixtures that every test may use: everything tiny, everything the same at each run."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_model, photo_pixels, random_vgg, write_photos
from hypothesis import settings
from PIL import Image
from safetensors.torch import save_file

from style_transfer.networks.style_model import StyleModel

# A busy machine is no reason to fail, and a failure must come back at the next run.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
torch.set_num_threads(1)  # tiny networks gain nothing from more, and lose much on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a GPU its tests are skipped, except where they must run: there they fail."""
    for item in items:
        if item.get_closest_marker("gpu"):
            # Of what its compiler could do faster, and from Python 3.12 on of readers of photos being forked.
            for warning in ("ignore:::torch", "ignore::DeprecationWarning:multiprocessing"):
                item.add_marker(pytest.mark.filterwarnings(warning))
    if torch.cuda.is_available() or os.environ.get("REQUIRE_GPU") == "1":
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(
                pytest.mark.skip(reason="needs a CUDA device; REQUIRE_GPU=1 makes this a failure")
            )


@pytest.fixture(autouse=True)
def _seeded() -> None:
    _seed()


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> None:
    """What several tests share is made before the seeds of the first of them."""
    if fixturedef.scope != "function":
        _seed()


def _seed() -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


@pytest.fixture
def model() -> StyleModel:
    """A tiny fast network with three styles."""
    return make_model()


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See :func:`helpers.write_photos`. Shared: not to be written into."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    write_photos(folder)
    return folder


@pytest.fixture(scope="session")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two small paintings, ``wave.png`` and ``scream.png``."""
    folder = tmp_path_factory.mktemp("paintings")
    blocks = np.random.default_rng(5).integers(0, 256, (12, 14, 3), dtype=np.uint8)
    Image.fromarray(blocks.repeat(8, 0).repeat(8, 1)).save(folder / "wave.png")
    Image.fromarray(255 - photo_pixels(96, 96, 9)).save(folder / "scream.png")
    return [folder / "wave.png", folder / "scream.png"]


@pytest.fixture(scope="session")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG19 with random weights up to relu3_4, which is all that the default losses use."""
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file(random_vgg("relu3_4"), path)
    return path


@pytest.fixture(scope="session")
def real_vgg() -> Path:
    """VGG19 as it was trained."""
    if "VGG19_WEIGHTS" not in os.environ:
        pytest.skip("VGG19_WEIGHTS names no file with VGG19's weights")
    return Path(os.environ["VGG19_WEIGHTS"])
