"""Tiny models, photos and weights, the same at each run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from style_transfer.losses.vgg import LAYER_NAMES
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style

ROOT = Path(__file__).resolve().parents[1]
STYLES = ("great_wave", "starry_night", "the_scream", "udnie")
HELD_OUT = ("p19.jpg", "p29.jpg")  # CRC32 of these names is divisible by ten


def make_model(network: str = "fast", styles: int = 3, **arguments: int) -> StyleModel:
    """An untrained model whose styles differ as those of a trained one do."""
    arguments = arguments or ({"width": 6, "blocks": 1} if network == "fast" else {"width": 2})
    model = StyleModel.create(network, [Style(name) for name in STYLES[:styles]], **arguments)
    with torch.no_grad():
        for parameter in model.bank.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    model.network.eval()
    return model


def photo_pixels(height: int, width: int, seed: int = 0) -> np.ndarray:
    """uint8 RGB with smooth areas, edges and some noise, as photos have them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    pixels = np.zeros((height, width, 3))
    for channel in range(3):
        a, b, c = rng.uniform(0.01, 0.15, 3)
        pixels[..., channel] = 120 + 60 * np.sin(a * x + b * y + 6 * c) + 40 * ((x * a + y * c) % 4 > 2)
    return (pixels + rng.normal(0, 4, pixels.shape)).clip(0, 255).astype(np.uint8)


def photo_tensor(height: int, width: int, seed: int = 0) -> Tensor:
    """The same as float ``(1, 3, H, W)`` in 0..1."""
    return torch.from_numpy(photo_pixels(height, width, seed)).permute(2, 0, 1)[None].float() / 255


def write_photos(folder: Path) -> None:
    """Ten photos in a tree, two of them held out by their names, two files that only look like photos."""
    (folder / "more" / "deep").mkdir(parents=True)
    names = ["a.jpg", "b.png", "more/c.jpg", "more/d.webp", "more/deep/e.jpg", "f.jpg", "g.jpg", "h.jpg"]
    for seed, name in enumerate([*names, *HELD_OUT]):
        Image.fromarray(photo_pixels(80 + 5 * seed, 100, seed)).save(folder / name)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff not a photo")
    (folder / "more" / "text.png").write_text("nor is this")
    (folder / "readme.txt").write_text("no image at all")


def random_vgg(last: str) -> dict[str, Tensor]:
    """Random weights of VGG19 in torchvision's layout up to ``last``; activations stay of one size."""
    generator = torch.Generator().manual_seed(1)
    channels = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 256)]
    state = {}
    for index, name in enumerate(LAYER_NAMES[: LAYER_NAMES.index(last) + 1]):
        if name.startswith("conv"):
            inputs, outputs = channels.pop(0)
            weight = torch.randn(outputs, inputs, 3, 3, generator=generator)
            state[f"features.{index}.weight"] = weight * (2 / (9 * inputs)) ** 0.5
            state[f"features.{index}.bias"] = torch.randn(outputs, generator=generator) * 0.1
    return state


def pressing_ctrl_c(*argv: object, once: Callable[[], object]) -> tuple[int, str, str]:
    """Run Python with ``argv``, press Ctrl-C ``once`` that is so: its exit code, stdout and stderr."""
    process = subprocess.Popen(
        [sys.executable, *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_ctrl_c, env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 180
        while not once():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    return process.returncode, out, err


def heed_ctrl_c() -> None:
    """For a child process of a test: a shell that runs the tests in the background has it ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
