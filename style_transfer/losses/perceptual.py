"""Content, style, tone and total variation losses, each normalised so that one weight suits every painting.

After Johnson et al. 2016, equations 2 to 5, with two changes. Every term is divided by the size of its
target, so that neither the painting nor the scale of the VGG's activations matters. And Gram matrices are
compared at several scales of the picture, which gives coarse strokes without deep layers. The tone loss is
our own: features of deep layers answer to edges, and with them alone a network turns what is dark and light
in the large into one colour with a relief.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from style_transfer.losses.vgg import VGG19Features

CONTENT_LAYERS = ("relu3_3",)
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_2", "relu3_4")
SCALES = (1, 2, 4)

_TONE_CELL = 8  # pixels, the side of the squares whose lightness is compared
_TONE_FLOOR = 0.02  # of the range: the contrast below which a picture counts as flat

# Keeps a black target (all activations zero) from dividing by nothing; far below any real one.
_TINY = 1e-30


def gram_matrix(features: Tensor) -> Tensor:
    """``(N, C, H, W)`` → ``(N, C, C)`` float32: sums over positions of products of channels, over H*W.

    Johnson et al. 2016, equation 3, without the constant 1/C. In float32, since the sums overflow float16;
    of bfloat16 features on a CPU in bfloat16, whose products are summed in float32 there and rounded once, by
    0.4 % at most: it has float32's range, and takes a tenth of the time.
    """
    kept = features.dtype == torch.bfloat16 and features.device.type == "cpu"
    exact = features if kept else features.float()
    with torch.autocast(features.device.type, enabled=False):
        positions = exact.permute(0, 2, 3, 1).flatten(1, 2)  # as channels_last has them already
        products: Tensor = _Products.apply(positions)
        return products.float() / positions.shape[1]


class _Products(torch.autograd.Function):
    """``(N, P, C)`` → ``(N, C, C)``, ``xᵀx``; backward in one product where PyTorch's takes two and a sum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.transpose(1, 2) @ x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        product: Tensor = x @ (gradient + gradient.transpose(1, 2))
        return product


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference over the target's mean square, each picture by itself; ``(N,)``."""
    features, target = features.float(), target.float()
    return (features - target).square().mean((1, 2, 3)) / (target.square().mean((1, 2, 3)) + _TINY)


def style_loss(gram: Tensor, target: Tensor) -> Tensor:
    """``‖G − Gs‖² / ‖Gs‖²`` (Frobenius), each picture by itself; ``(N, C, C)`` twice → ``(N,)``."""
    return (gram - target).square().sum((1, 2)) / (target.square().sum((1, 2)) + _TINY)


def total_variation(image: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, down plus across; ``(N, C, H, W)`` → ``(N,)``."""
    down = (image[:, :, 1:] - image[:, :, :-1]).abs().mean((1, 2, 3))
    across = (image[:, :, :, 1:] - image[:, :, :, :-1]).abs().mean((1, 2, 3))
    return down + across


def tone(image: Tensor) -> Tensor:
    """Where ``(N, 3, H, W)`` pictures are light and dark: ``(N, 1, H/8, W/8)`` float32, mean 0, deviation 1.

    Of a flat picture the deviation is less. Whatever the palette and its contrast, a dark bear on a light
    meadow has the tone of a dark bear on a light meadow.
    """
    red, green, blue = image.float().unbind(1)
    luma = (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]  # ITU-R BT.601
    cells = F.avg_pool2d(luma, _TONE_CELL, ceil_mode=True)
    centred = cells - cells.mean((2, 3), keepdim=True)
    return centred / (centred.square().mean((2, 3), keepdim=True) + _TONE_FLOOR**2).sqrt()


def tone_loss(found: Tensor, target: Tensor) -> Tensor:
    """``1 −`` the correlation of two :func:`tone`, 0..2, each picture by itself; ``(N,)``."""
    return (found - target).square().mean((1, 2, 3)) / 2


class PerceptualLoss(nn.Module):
    """The training objective for N styles, whose Gram matrices it holds.

    Args:
        vgg: a feature extractor with all the layers named here.
        style_images: one float RGB tensor ``(1, 3, H, W)`` in 0..1 a style, of any size.
        scales: the picture is compared as it is and shrunk by these factors (average pooling).
    """

    def __init__(
        self,
        vgg: VGG19Features,
        style_images: Sequence[Tensor],
        *,
        content_layers: Sequence[str] = CONTENT_LAYERS,
        style_layers: Sequence[str] = STYLE_LAYERS,
        scales: Sequence[int] = SCALES,
    ) -> None:
        super().__init__()
        self.vgg = vgg
        self.content_layers, self.style_layers, self.scales = content_layers, style_layers, scales
        with torch.no_grad():
            grams = [self._grams(image, vgg(image)) for image in style_images]
        # One buffer a layer and scale, (N, C, C), in the order of _grams.
        for i, matrices in enumerate(zip(*grams, strict=True)):
            self.register_buffer(f"target{i}", torch.cat(matrices), persistent=False)

    def content_targets(self, photos: Tensor) -> list[Tensor]:
        """Content features of ``(N, 3, H, W)`` photos and last their tone, to be given to :meth:`forward`."""
        with torch.no_grad():
            found = self.vgg(photos, self.content_layers)
            return [*(found[name] for name in self.content_layers), tone(photos)]

    def forward(self, output: Tensor, content: Sequence[Tensor], mixes: Tensor) -> dict[str, Tensor]:
        """Losses of stylized pictures, scalars: ``content``, ``style``, ``tone`` and ``tv``, each a mean.

        ``output`` ``(N, 3, H, W)`` in 0..1, ``content`` from :meth:`content_targets` for the same N,
        ``mixes`` ``(N, styles)`` weights, rows summing to 1. The target of a mix is the mean of its styles'
        Gram matrices: that of a picture which each of them has painted its share of.
        """
        found = self.vgg(output)
        *features, own_tone = content
        contents = [
            content_loss(found[name], target)
            for name, target in zip(self.content_layers, features, strict=True)
        ]
        return {
            "content": torch.stack(contents).mean(),
            "style": self._style(output, found, mixes),
            "tone": tone_loss(tone(output), own_tone).mean(),
            "tv": total_variation(output).mean(),
        }

    def style(self, output: Tensor, mixes: Tensor) -> Tensor:
        """The loss ``style`` of :meth:`forward` alone."""
        return self._style(output, self.vgg(output, self.style_layers), mixes)

    def _style(self, output: Tensor, found: dict[str, Tensor], mixes: Tensor) -> Tensor:
        grams = self._grams(output, found)
        losses = [style_loss(gram, self._target(i, mixes)) for i, gram in enumerate(grams)]
        return torch.stack(losses).mean()

    def _target(self, number: int, mixes: Tensor) -> Tensor:
        with torch.autocast(mixes.device.type, enabled=False):
            mixed: Tensor = torch.tensordot(mixes.float(), getattr(self, f"target{number}"), dims=1)
        return mixed

    def _grams(self, image: Tensor, found: dict[str, Tensor]) -> list[Tensor]:
        grams = []
        for scale in self.scales:
            features = found if scale == 1 else self.vgg(F.avg_pool2d(image, scale))
            grams += [gram_matrix(features[name]) for name in self.style_layers]
        return grams
