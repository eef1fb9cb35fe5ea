"""What a training run is made of; the defaults suit every painting."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from style_transfer.errors import UserError


@dataclass
class TrainingConfig:
    """Settings of a run. ``steps`` or ``minutes`` ends it, whichever comes first; a resumed run counts whole.

    Raises ``UserError``, in the words of the command line, for a value that cannot be.
    """

    steps: int | None = 4000
    minutes: float | None = None
    batch_size: int = 4
    #: Pictures of a batch that paint the same photo in different styles: its content features serve them all.
    styles_per_photo: int = 2
    image_size: int = 240  #: side of the square training crops, pixels
    style_size: int = 512  #: short side of the style images, pixels
    lr: float = 3e-3
    content_weight: float = 1.0
    style_weight: float = 12.0
    tone_weight: float = 1.0
    tv_weight: float = 0.1
    temporal_weight: float = 80.0  #: 0: the temporal loss is not computed
    #: Of the pictures, those that paint in a mix of two styles. What has never been practised loses contrast:
    #: two styles that paint a shadow in opposite ways cancel each other.
    mix_share: float = 0.25
    seed: int = 0
    #: Train what styles own alone and leave the network, and with it every other style, as it is.
    styles_only: bool = False

    #: Shares of a run between which the temporal loss comes in: what is painted first and then steadied keeps
    #: more of its style.
    temporal_ramp: ClassVar = (0.3, 0.5)
    warmup_steps: ClassVar = 40
    #: The last part of a run, in which the learning rate falls. Constant before, so that a run can be
    #: extended.
    decay_share: ClassVar = 0.35

    def __post_init__(self) -> None:
        for name in ("steps", "minutes", "batch_size", "lr"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UserError(f"--{name.replace('_', '-')} must be above 0, not {value}")
        if self.steps is None and self.minutes is None:
            raise UserError("a run needs an end; give --steps or --minutes")
        check_weights(self, "content_weight", "style_weight", "tone_weight", "tv_weight", "temporal_weight")
        if not 0 <= self.mix_share <= 1:
            raise UserError(f"--mix-share must be from 0 to 1, not {self.mix_share}")
        check_sizes(self, "image_size", "style_size")

    def progress(self, step: int, seconds: float) -> float:
        """How much of the run is done after ``step`` steps and ``seconds`` of training, 0..1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def temporal_share(self, step: int, seconds: float) -> float:
        """How much of ``temporal_weight`` counts: nothing at first, then rising to all of it."""
        start, end = self.temporal_ramp
        return min(1.0, max(0.0, (self.progress(step, seconds) - start) / (end - start)))

    def learning_rate(self, step: int, seconds: float) -> float:
        """Warm-up, constant, and a cosine down to a fiftieth at the end."""
        factor = min(1.0, (step + 1) / self.warmup_steps)
        left = (1 - self.progress(step, seconds)) / self.decay_share
        if left < 1:
            factor *= 0.02 + 0.98 * (1 - math.cos(math.pi * left)) / 2
        return self.lr * factor


def check_weights(settings: object, *names: str) -> None:
    """Raise ``UserError`` for a loss weight that is negative or not finite."""
    for name in names:
        if not 0 <= getattr(settings, name) < math.inf:
            raise UserError(f"--{name.replace('_', '-')} must be 0 or more, not {getattr(settings, name)}")


def check_sizes(settings: object, *names: str) -> None:
    """Raise ``UserError`` for a side of pictures, a quarter of which must still make a feature map."""
    for name in names:
        value = getattr(settings, name)
        if not 64 <= value <= 4096:
            raise UserError(f"--{name.replace('_', '-')} must be from 64 to 4096 pixels, not {value}")
