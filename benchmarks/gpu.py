"""What an NVIDIA GPU does a second, beside what its arithmetic, its memory and the bus would allow.

First two ways to a norm. For each network and size: array to array through the engine of ``Stylizer.stream``,
frames overlapped, copies to and from the GPU counted; the same one frame at a time, as videos and webcams
have it; upload, network and download each alone; fp16 against the plain network in float32, operation by
operation, and how long that takes. Then the training step, and last all of it with ``torch.compile``. Medians
of many. Every goal stands beside what was measured. Prints one line and ends with 2 where there is no GPU.

The floors: multiplications at the rate of a large matrix product in half precision, and all that convolutions
and matrix products read and write, once, at the rate of a large copy, both measured here first; the bus has
the slower of upload and download.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from machine import PHOTO, describe
from PIL import Image
from safetensors.torch import save_file
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from style_transfer import StyleModel, Stylizer, load_model
from style_transfer.errors import UserError
from style_transfer.losses.perceptual import CONTENT_LAYERS, STYLE_LAYERS, PerceptualLoss
from style_transfer.losses.vgg import VGG19Features
from style_transfer.networks.styles import Style, StyleParameters
from style_transfer.runtime.cuda_engine import CudaEngine, Ticket
from style_transfer.runtime.device import choose_device
from style_transfer.runtime.gpu import exact_kernels
from style_transfer.runtime.look import Look
from style_transfer.training.config import TrainingConfig
from style_transfer.training.trainer import Trainer

GOALS = {("fast", (1080, 1920)): 1000, ("fast", (2160, 3840)): 250, ("johnson", (1080, 1920)): 300}
STEPS_GOAL = 20  # a second
MEAN_GOAL, TAIL_GOAL = 0.5, 4  # of 255: fp16's mean difference from fp32, and its 99.9th percentile
say = partial(print, flush=True)  # what is there stays, if time runs out


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=300, help="of each measurement (300)")
    parser.add_argument("--without-compile", action="store_true", help="torch.compile takes minutes")
    parser.add_argument("--vgg-weights", type=Path, metavar="FILE", help="for the training step (random)")
    args = parser.parse_args()
    try:
        device = choose_device("cuda").for_torch()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    say(f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, {describe('torch')}")
    peaks = Peaks(device)
    norms(device)
    for compiled in [False] if args.without_compile else [False, True]:
        for (network, size), goal in GOALS.items():
            painting(network, size, goal, peaks, args.frames, compiled=compiled)
        training(device, args.vgg_weights, peaks, compiled=compiled)
    return 0


class Peaks:
    """FLOP/s of an fp16 matrix product of 8192², bytes/s read and written by a copy of 1 GiB."""

    def __init__(self, device: torch.device) -> None:
        a = torch.randn(8192, 8192, device=device, dtype=torch.float16)
        x = torch.empty(1 << 30, device=device, dtype=torch.uint8)
        y = torch.empty_like(x)
        self.flops = 2 * 8192**3 / on_device(lambda: a @ a, 20)
        self.bandwidth = 2 * x.numel() / on_device(lambda: y.copy_(x), 20)
        say(f"fp16 matrix product {self.flops / 1e12:.0f} TFLOP/s, copy {self.bandwidth / 1e9:.0f} GB/s")

    def floors(self, cost: Cost) -> str:
        by = cost.flops / self.flops, cost.moved / self.bandwidth
        return f"arithmetic {1 / by[0]:.0f}, memory {1 / by[1]:.0f}, both in turn {1 / sum(by):.0f}"


def painting(
    name: str, size: tuple[int, int], goal: int, peaks: Peaks, count: int, *, compiled: bool
) -> None:
    torch.manual_seed(0)
    torch.compiler.reset()  # or the second size would be compiled for all
    model = load_model() if name == "fast" else StyleModel.create(name, [Style("a")])
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize(size[::-1], Image.Resampling.LANCZOS))
    frames = [np.roll(photo, 64 * n, axis=1) for n in range(4)]
    say(f"\n{name} {size[1]}x{size[0]}{', --compile' if compiled else ''}: goal {goal} frames/s")
    say(f"  floors: {peaks.floors(painting_cost(model, size))} frames/s")
    stylize = Stylizer(model, device="cuda", precision="fp16", compiled=compiled)
    engine, live = stylize.engine, stylize.look
    assert isinstance(engine, CudaEngine)
    plain = Plain(model, live)
    for kind in ("live", "frozen"):
        look = live.frozen(engine.measure(photo, live)) if kind == "frozen" else live
        for frame in frames * 2:
            engine.paint(frame, look)
        label = f"fp16, {kind} statistics"
        report(f"{label}: a stream, copies counted (goal {goal})", overlapped(engine, frames, look, count))
        report(f"{label}: one frame at a time, copies counted", in_turn(engine, frames, look, count))
        parts = engine.apart(photo, look, count)
        for part, seconds in parts.items():
            report(f"{label}: {'network and conversion' if part == 'compute' else part} alone", seconds)
        report("floor of the bus, both ways at once", max(parts["upload"], parts["download"]))
        difference = np.abs(engine.paint(photo, look) - plain(photo, frozen=kind == "frozen"))
        mean, tail = difference.mean(), np.quantile(difference, 0.999)
        say(f"  against plain eager fp32: mean {mean:.3f}, 99.9th percentile {tail:.0f} of 255", end=" ")
        say(f"(goal: under {MEAN_GOAL} and {TAIL_GOAL})")
    if not compiled:
        report("plain eager fp32, no TF32, no copies", plain.seconds(photo))
    engine.release()


class Plain:
    """A network as PyTorch runs it, operation by operation, in float32 and nothing less."""

    def __init__(self, model: StyleModel, look: Look) -> None:
        self.network = copy.deepcopy(model.network).to("cuda").eval()
        self.look = StyleParameters(*(torch.from_numpy(part).to("cuda") for part in look.parameters))

    @torch.inference_mode()
    def __call__(self, frame: np.ndarray, *, frozen: bool) -> np.ndarray:
        picture = self._picture(frame)
        with exact_kernels():
            statistics = self.network.measure(picture, self.look) if frozen else ()
            painted = self.network(picture, *self.look, *statistics)
        return painted[0].mul(255).round().short().permute(1, 2, 0).cpu().numpy()

    @torch.inference_mode()
    def seconds(self, frame: np.ndarray) -> float:
        picture = self._picture(frame)
        with exact_kernels():
            return on_device(lambda: self.network(picture, *self.look), 20)

    @staticmethod
    def _picture(frame: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(frame.copy()).to("cuda").permute(2, 0, 1)[None].float() / 255


class Cost(TorchDispatchMode):
    """Of what runs within it: FLOPs of convolutions and products, and bytes that these read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = self.moved = 0.0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if count := flop_registry.get(func.overloadpacket):
            self.flops += count(*args, **(kwargs or {}), out_val=result)
            # The weights of the loss network learn nothing: their layers' inputs are not read again.
            unread = func is torch.ops.aten.convolution_backward.default and not args[-1][1]
            touched = tree_leaves(([a for n, a in enumerate(args) if not (unread and n == 1)], result))
            self.moved += sum(x.nbytes for x in touched if isinstance(x, torch.Tensor))
        return result


def painting_cost(model: StyleModel, size: tuple[int, int]) -> Cost:
    """Of a frame in float16; nothing is computed."""
    half = {"device": "meta", "dtype": torch.float16}
    network = copy.deepcopy(model.network).to(**half)
    look = [part.to(**half) for part in model.mix({model.style_names[0]: 1})]
    with torch.no_grad(), Cost() as cost:
        network(torch.empty(1, 3, *size, **half), *look)
    return cost


def norms(device: torch.device) -> None:
    """The two largest norms as they are, and as batch norm has them of a batch of one: the same sum."""
    say("\nnorms with live statistics, fp16, channels_last")
    for channels, height, width in ((16, 540, 960), (32, 1080, 1920)):
        half = {"device": device, "dtype": torch.float16}
        x = torch.randn(1, channels, height, width, **half).to(memory_format=torch.channels_last)
        gain, offset = torch.rand(channels, **half), torch.rand(channels, **half)
        ways = {
            "group_norm": partial(F.group_norm, x, channels, gain, offset, 1e-3),
            "batch_norm": partial(
                F.batch_norm, x, None, None, gain.float(), offset.float(), training=True, eps=1e-3
            ),
        }
        for way, norm in ways.items():
            report(f"{way}, {channels}x{height}x{width}", on_device(norm, 100), unit="norms")
        first, second = (norm() for norm in ways.values())
        say(f"  largest difference {(first - second).abs().max():.4f}")


def overlapped(engine: CudaEngine, frames: list[np.ndarray], look: Look, count: int) -> float:
    """Seconds a frame of a stream; the median of ten stretches."""
    waiting: deque[Ticket] = deque()
    stretches = []
    source = cycle(frames)
    for _ in range(10):
        start = time.perf_counter()
        for _ in range(max(1, count // 10)):
            waiting.append(engine.submit(next(source), look))
            if len(waiting) > 2:
                waiting.popleft().result()
        stretches.append((time.perf_counter() - start) / max(1, count // 10))
    while waiting:
        waiting.popleft().result()
    return statistics.median(stretches)


def in_turn(engine: CudaEngine, frames: list[np.ndarray], look: Look, count: int) -> float:
    seconds = []
    for _, frame in zip(range(count), cycle(frames), strict=False):
        start = time.perf_counter()
        engine.paint(frame, look)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def on_device(work: Callable[[], object], count: int) -> float:
    """Seconds that ``work`` keeps the GPU busy; the median."""
    for _ in range(3):
        work()
    events = [
        (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(count)
    ]
    for begin, end in events:
        begin.record()
        work()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(begin.elapsed_time(end) for begin, end in events) / 1e3


def training(device: torch.device, weights: Path | None, peaks: Peaks, *, compiled: bool) -> None:
    """The trainer's own step, all losses in it, at batch 16, crop 256, in bf16; its photos are in memory."""
    torch.manual_seed(0)
    torch.compiler.reset()
    layers = [*STYLE_LAYERS, *CONTENT_LAYERS]
    with tempfile.TemporaryDirectory() as folder:
        file = weights or random_vgg(Path(folder) / "vgg19.safetensors")
        vgg = VGG19Features(layers, file).to(device)
    loss = PerceptualLoss(vgg, [torch.rand(1, 3, 512, 512, device=device)])
    config = TrainingConfig(steps=10_000, batch_size=16, image_size=256)
    model = StyleModel.create("fast", [Style("a")])
    trainer = Trainer(model, loss, [], config, device=device, precision=torch.bfloat16)
    crops = torch.randint(0, 256, (trainer.photos_per_step, 3, 256, 256), dtype=torch.uint8).pin_memory()
    trainer.step = config.steps // 2  # past the beginning, which leaves the temporal loss out
    trainer._train_step(crops)
    with Cost() as cost:
        trainer._train_step(crops)
    if compiled:
        model.network.compile(dynamic=False)
        vgg.compile(dynamic=False)
    for _ in range(5):
        trainer._train_step(crops)
    seconds = []
    for _ in range(60):
        start = time.perf_counter()
        trainer._train_step(crops)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    label = "training step, fast, batch 16, crop 256" + (", network and VGG19 compiled" if compiled else "")
    say(f"\n{label}\n  floors: {peaks.floors(cost)} steps/s")
    report(f"bf16, photos in memory (goal {STEPS_GOAL})", statistics.median(seconds), unit="steps")


def random_vgg(path: Path) -> Path:
    """Random weights in VGG19's shapes up to relu3_4: as slow as the real ones."""
    channels = [3, 64, 64, 128, 128, 256, 256, 256, 256]
    places = [0, 2, 5, 7, 10, 12, 14, 16]  # of convolutions, between activations and poolings
    state = {}
    for place, inputs, outputs in zip(places, channels[:-1], channels[1:], strict=True):
        state[f"features.{place}.weight"] = torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
        state[f"features.{place}.bias"] = torch.zeros(outputs)
    save_file(state, path)
    return path


def report(what: str, seconds: float, unit: str = "frames") -> None:
    say(f"  {what}: {seconds * 1e3:.3f} ms, {1 / seconds:.0f} {unit}/s")


if __name__ == "__main__":
    sys.exit(main())
