"""What a step minimises: the weighted losses of a batch, in styles and under a motion drawn by chance."""

from __future__ import annotations

import torch
from torch import Tensor

from style_transfer.losses.perceptual import PerceptualLoss
from style_transfer.losses.temporal import disturbed, random_motion, temporal_loss
from style_transfer.networks.style_model import StyleModel
from style_transfer.training.config import TrainingConfig
from style_transfer.training.mixes import draw_mixes


def weighted_losses(
    model: StyleModel,
    loss: PerceptualLoss,
    photos: Tensor,
    batch_size: int,
    config: TrainingConfig,
    temporal_weight: float,
    generator: torch.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum to minimise, and what it is made of: each unweighted and detached.

    ``photos`` ``(N, 3, H, W)`` in 0..1 on the model's device, each painted ``batch_size / N`` times.
    """
    share = batch_size // len(photos)
    mixes = draw_mixes(batch_size, len(model.styles), config.mix_share, generator).to(photos.device)
    content = [target.repeat_interleave(share, 0) for target in loss.content_targets(photos)]
    parameters = model.bank(mixes)
    photos = photos.repeat_interleave(share, 0)
    output = model.network(photos, *parameters)
    losses = loss(output, content, mixes)
    if temporal_weight:
        motion = random_motion(len(photos), config.image_size, generator).to(photos.device)
        later = model.network(disturbed(photos, motion, generator), *parameters)
        losses["temporal"] = temporal_loss(output, later, motion).mean()
    weight = {
        "content": config.content_weight,
        "style": config.style_weight,
        "tone": config.tone_weight,
        "tv": config.tv_weight,
        "temporal": temporal_weight,
    }
    total = torch.stack([weight[name] * value for name, value in losses.items()]).sum()
    return total, {name: value.detach() for name, value in losses.items()}
