"""The loss network: VGG19 (Simonyan and Zisserman 2015), frozen, normalising its own input."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from contextlib import redirect_stdout
from pathlib import Path

import torch
from torch import Tensor, nn

from style_transfer.errors import InputFileError, ModelFileError, UserError, one_line
from style_transfer.networks.foreign import read_state_dict

_CONVS_PER_BLOCK = (2, 2, 4, 4, 4)
_CHANNELS = (64, 128, 256, 512, 512)
_MEAN = (0.485, 0.456, 0.406)  # ImageNet's, the only place in the project that knows them
_STD = (0.229, 0.224, 0.225)


def _layer_names() -> list[str]:
    """Names of ``torchvision.models.vgg19().features``, by index: conv1_1, relu1_1, ... pool5."""
    names = []
    for block, convs in enumerate(_CONVS_PER_BLOCK, 1):
        for i in range(1, convs + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    return names


LAYER_NAMES = _layer_names()


class VGG19Features(nn.Module):
    """Activations of named layers, truncated at the deepest one asked for.

    Pooling is by averages instead of maxima, which gives smoother pictures (Gatys et al. 2016).

    Args:
        layers: names such as ``"relu3_1"``.
        weights: a file in torchvision's layout (``features.0.weight`` ...), ``.pth`` or ``.safetensors``,
            which may end early; None downloads torchvision's ``IMAGENET1K_V1`` to TORCH_HOME and checks its
            hash.

    Raises ``UserError`` for an unknown layer, ``InputFileError`` where the weights cannot be had.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, layers: Iterable[str], weights: Path | None = None) -> None:
        super().__init__()
        self.layers = list(dict.fromkeys(layers))
        for name in self.layers:
            if name not in LAYER_NAMES:
                raise UserError(f"VGG19 has no layer '{name}'; layers are named relu1_1 to relu5_4")
        depth = 1 + max(map(LAYER_NAMES.index, self.layers))
        self.net = nn.Sequential(*_modules(depth))
        self._load(_read(weights), weights)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1), persistent=False)
        self.eval().requires_grad_(False)

    def _load(self, state: dict[str, Tensor], source: Path | None) -> None:
        where = f"'{source}'" if source else "the downloaded file"
        deepest = LAYER_NAMES[len(self.net) - 1]
        weights = {}
        for name, wanted in self.net.state_dict().items():
            value = state.get(f"features.{name}")
            if value is None or value.shape != wanted.shape:
                what = "no" if value is None else f"a {tuple(value.shape)}"
                raise InputFileError(
                    f"{where} has {what} 'features.{name}', but the losses go up to {deepest} of VGG19; "
                    "give --vgg-weights torchvision's vgg19"
                )
            if not torch.isfinite(value).all():
                raise InputFileError(f"{where} holds numbers that are not finite; fetch the file again")
            weights[name] = value
        self.net.load_state_dict(weights)

    def forward(self, x: Tensor, layers: Collection[str] | None = None) -> dict[str, Tensor]:
        """``(N, 3, H, W)`` float RGB in 0..1 → activations by layer name, ``(N, C, H/2^k, W/2^k)``.

        ``layers``: those wanted, all that the network was made for if None; none beyond them is computed.
        """
        wanted = set(self.layers if layers is None else layers)
        x = (x - self.mean) / self.std
        found = {}
        for name, module in zip(LAYER_NAMES, self.net, strict=False):
            x = module(x)
            if name in wanted:
                found[name] = x
            if len(found) == len(wanted):
                break
        return found


def _modules(depth: int) -> list[nn.Module]:
    modules: list[nn.Module] = []
    inputs = 3
    for channels, convs in zip(_CHANNELS, _CONVS_PER_BLOCK, strict=True):
        for _ in range(convs):
            modules += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU()]
            inputs = channels
        modules.append(nn.AvgPool2d(2))
    return modules[:depth]


def _read(weights: Path | None) -> dict[str, Tensor]:
    if weights is not None:
        if not weights.is_file():
            raise InputFileError(f"there is no VGG19 weights file '{weights}'; check --vgg-weights")
        try:
            return read_state_dict(weights)
        except ModelFileError as error:
            raise InputFileError(
                f"{error}; --vgg-weights takes torchvision's vgg19 .pth or .safetensors"
            ) from error
    try:
        from torchvision.models import VGG19_Weights  # slow to import, and only needed for the address
    except Exception as error:  # of another build than PyTorch it raises whatever it stumbles over
        raise InputFileError(
            f"torchvision does not go with PyTorch ({one_line(error)}); install both anew from one index,"
            " or name a file with --vgg-weights"
        ) from error
    url = VGG19_Weights.IMAGENET1K_V1.url
    target = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
    try:
        with redirect_stdout(sys.stderr):  # where it says that it downloads
            state = torch.hub.load_state_dict_from_url(
                url, check_hash=True, map_location="cpu", weights_only=True, progress=sys.stderr.isatty()
            )
    except Exception as error:  # no network, a wrong hash, or a damaged file, which raises nearly anything
        raise InputFileError(
            f"cannot get the VGG19 weights ({one_line(error)}); put {target.name} into '{target.parent}' "
            "or name a file with --vgg-weights"
        ) from error
    return {str(name): value for name, value in state.items()}
