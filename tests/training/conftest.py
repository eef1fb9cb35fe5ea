"""A trainer whose steps take milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import make_model

from style_transfer.losses.perceptual import PerceptualLoss
from style_transfer.losses.vgg import VGG19Features
from style_transfer.networks.style_model import StyleModel
from style_transfer.training.config import TrainingConfig
from style_transfer.training.dataset import find_photos, load_style_image
from style_transfer.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def loss(vgg_file: Path, paintings: list[Path]) -> PerceptualLoss:
    """Shallow, so that a step takes milliseconds."""
    images = [load_style_image(path, 64) for path in paintings]
    vgg = VGG19Features(["relu1_1"], vgg_file)
    return PerceptualLoss(vgg, images, content_layers=["relu1_1"], style_layers=["relu1_1"], scales=[1, 2])


@pytest.fixture
def make(loss: PerceptualLoss, photo_folder: Path) -> Any:
    def make(model: StyleModel | None = None, **settings: Any) -> Trainer:
        torch.manual_seed(0)
        config = TrainingConfig(**{"image_size": 64, "batch_size": 2, "steps": 20, "lr": 0.01, **settings})
        model = model or make_model(styles=2)
        return Trainer(model, loss, find_photos(photo_folder)[0], config, device=CPU)

    return make
