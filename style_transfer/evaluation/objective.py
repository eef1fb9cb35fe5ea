"""The training objective of a model, for one photo and one style at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from style_transfer.errors import ModelFileError
from style_transfer.losses.perceptual import CONTENT_LAYERS, SCALES, STYLE_LAYERS, PerceptualLoss
from style_transfer.losses.vgg import LAYER_NAMES, VGG19Features
from style_transfer.training.config import TrainingConfig, check_sizes, check_weights
from style_transfer.training.dataset import load_style_image

#: A picture ``(1, 3, H, W)`` in 0..1 → scalars ``content``, ``style``, ``tone``, ``tv``, ``total`` the sum.
Losses: TypeAlias = Callable[[Tensor], dict[str, Tensor]]


@dataclass(frozen=True)
class Recipe:
    """What an objective is made of; the defaults are those of training.

    Raises ``UserError``, in the words of the command line, for a value that cannot be.
    """

    content_weight: float = TrainingConfig.content_weight
    style_weight: float = TrainingConfig.style_weight
    tone_weight: float = TrainingConfig.tone_weight
    tv_weight: float = TrainingConfig.tv_weight
    style_size: int = TrainingConfig.style_size  #: short side of the style images, pixels
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS
    scales: tuple[int, ...] = SCALES

    def __post_init__(self) -> None:
        check_weights(self, "content_weight", "style_weight", "tone_weight", "tv_weight")
        check_sizes(self, "style_size")

    @classmethod
    def of(cls, training: Mapping[str, Any]) -> Recipe:
        """The recipe that a model's header states; what it leaves out is as training has it by default.

        Raises ``ModelFileError`` for a header that states what cannot be.
        """
        # A model that states its weights and not this one is older than the tone loss.
        stated: dict[str, Any] = {"tone_weight": 0.0} if "style_weight" in training else {}
        try:
            for name, default in asdict(cls()).items():
                if training.get(name) is not None:
                    stated[name] = type(default)(training[name])
            recipe = cls(**stated)
            for layers in (recipe.content_layers, recipe.style_layers):
                if not layers or not set(layers) <= set(LAYER_NAMES):
                    raise ValueError("there are no such layers")
            if not recipe.scales or not all(type(s) is int and 1 <= s <= 16 for s in recipe.scales):
                raise ValueError("there are no such scales")
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelFileError(
                f"the model does not say what losses it learned by ({error}); --objective names one that does"
            ) from error
        return recipe

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum, a scalar, of the unweighted ``losses``."""
        return (
            self.content_weight * losses["content"]
            + self.style_weight * losses["style"]
            + self.tone_weight * losses["tone"]
            + self.tv_weight * losses["tv"]
        )


class Objective:
    """A recipe with its paintings, or ``parts`` of them. ``vgg_weights`` as for :class:`VGG19Features`."""

    def __init__(
        self,
        recipe: Recipe,
        paintings: Sequence[Path],
        parts: Sequence[str] | None = None,
        *,
        vgg_weights: Path | None = None,
        device: torch.device | None = None,
    ) -> None:
        device = device or torch.device("cpu")
        # The paintings first: a name mistyped is said before a loss network is fetched.
        images = [
            load_style_image(path, recipe.style_size, part)
            for path, part in zip(paintings, parts or [""] * len(paintings), strict=True)
        ]
        vgg = VGG19Features([*recipe.style_layers, *recipe.content_layers], vgg_weights).to(device)
        self.recipe, self.device = recipe, device
        self._loss = PerceptualLoss(
            vgg,
            [image.to(device) for image in images],
            content_layers=recipe.content_layers,
            style_layers=recipe.style_layers,
            scales=recipe.scales,
        ).to(memory_format=torch.channels_last)
        made_of = [json.dumps(asdict(recipe)), digest(*vgg.state_dict().values())]
        self._made_of = ["".join([*made_of, digest(image)]) for image in images]

    def losses(self, photo: Tensor, style: int) -> Losses:
        """The objective for pictures of ``photo`` ``(1, 3, H, W)``, in the style of painting ``style``."""
        content = self._loss.content_targets(photo.to(self.device))
        alone = self._alone(style)

        def losses(picture: Tensor) -> dict[str, Tensor]:
            found: dict[str, Tensor] = self._loss(picture, content, alone)
            return {**found, "total": self.recipe.total(found)}

        return losses

    def style_loss(self, picture: Tensor, style: int) -> float:
        """The style loss alone, unweighted, of ``(1, 3, H, W)``."""
        with torch.inference_mode():
            return float(self._loss.style(picture.to(self.device), self._alone(style)))

    def _alone(self, style: int) -> Tensor:
        mix = torch.zeros(1, len(self._made_of), device=self.device)
        mix[0, style] = 1
        return mix

    def key(self, photo: Tensor, style: int) -> str:
        """The same for the same photo, painting, recipe and loss network, and for no others."""
        return hashlib.sha256((self._made_of[style] + digest(photo)).encode()).hexdigest()


def digest(*tensors: Tensor) -> str:
    """A hash of the numbers and shapes of tensors."""
    found = hashlib.sha256()
    for tensor in tensors:
        array = tensor.detach().cpu().contiguous().numpy()
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


@torch.inference_mode()
def measured(losses: Losses, picture: Tensor) -> dict[str, float]:
    """The losses of a picture as numbers."""
    return {name: float(value) for name, value in losses(picture).items()}
