"""The temporal loss: a photo that moves a little must come out as the same painting, moved.

The motion is made, so it is known exactly and no video is needed: a shift, half the time with a slight zoom,
and noise as a camera's. Whatever is locked to the frame instead of the photo (grain, a grid of the network's
strides, a palette that follows noise) costs something here. In place of the optical flow between frames of
real video of Ruder et al. 2016, "Artistic style transfer for videos".
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SHIFT = 8  # pixels, at most, each way
_ZOOM = 0.03  # at most, in or out
_NOISE = 0.0075  # standard deviation, of the range 0..1


def random_motion(count: int, size: int, generator: torch.Generator) -> Tensor:
    """``count`` affine motions for square pictures of ``size`` pixels, as ``F.affine_grid`` takes them.

    ``(count, 2, 3)`` float32. Every other one, from the first or the second on, is a shift by whole pixels,
    which resamples nothing: the others alone would teach that pictures soften when they move.
    """
    shift = torch.randint(-_SHIFT, _SHIFT + 1, (count, 2), generator=generator).float()
    fraction = torch.rand((count, 2), generator=generator) - 0.5
    zoom = 1 + _ZOOM * (2 * torch.rand(count, generator=generator) - 1)
    whole = (torch.arange(count) + torch.randint(2, (1,), generator=generator)) % 2 == 0
    zoom = torch.where(whole, 1.0, zoom)
    shift = torch.where(whole[:, None], shift, shift + fraction)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    theta[:, :, 2] = shift * 2 / size
    return theta


def move(pictures: Tensor, motion: Tensor) -> Tensor:
    """``(N, C, H, W)`` pictures, moved (bicubic; what comes in from outside mirrors the edge); float32.

    In float32 also under autocast, whose bfloat16 would put pixels up to 0.8 beside their place.
    """
    with torch.autocast(pictures.device.type, enabled=False):
        pictures = pictures.float()
        sources = _sources(pictures, motion)
        device = pictures.device
        if device.type == "mps":  # which has no bicubic sampling
            pictures, sources = pictures.cpu(), sources.cpu()
        moved = F.grid_sample(
            pictures, sources, mode="bicubic", padding_mode="reflection", align_corners=False
        )
        return moved.to(device)


def _sources(pictures: Tensor, motion: Tensor) -> Tensor:
    """Where each pixel comes from, ``(N, H, W, 2)`` with edges at -1 and 1."""
    with torch.autocast(pictures.device.type, enabled=False):
        return F.affine_grid(motion.float(), list(pictures.shape), align_corners=False)


def disturbed(photos: Tensor, motion: Tensor, generator: torch.Generator) -> Tensor:
    """The photos ``(N, 3, H, W)`` in 0..1 a moment later: moved, and with a little noise."""
    if photos.device.type != "cpu":  # on a GPU, drawing it on the CPU takes as long as the network
        seed = int(torch.randint(2**62, (), generator=generator))
        generator = torch.Generator(photos.device).manual_seed(seed)
    noise = torch.randn(photos.shape, generator=generator, device=photos.device)
    return (move(photos, motion) + _NOISE * noise).clamp(0, 1)


def temporal_loss(before: Tensor, after: Tensor, motion: Tensor) -> Tensor:
    """Mean squared difference of ``after`` from ``before`` moved, each picture by itself; ``(N,)``.

    ``before`` and ``after`` are the stylized :func:`disturbed` pair, ``(N, 3, H, W)`` in 0..1. Compared is
    all that both show, up to the edges: what is spared becomes a frame of the texture that costs elsewhere.
    """
    seen = (_sources(before, motion).abs() < 1).all(-1)[:, None]
    difference = (after.float() - move(before, motion)).square().mean(1, keepdim=True)
    return (difference * seen).sum((1, 2, 3)) / seen.sum((1, 2, 3))
