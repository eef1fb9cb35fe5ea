"""What an NVIDIA GPU does a second, beside what its arithmetic and its memory would allow.

For each network and size: array to array through the engine of ``Stylizer.stream``, frames overlapped, copies
to and from the GPU counted; the same one frame at a time, as videos and webcams have it; the network alone,
replayed on a frame that lies on the GPU; with frozen statistics and with ``--compile``; fp16 against fp32;
and the plain network in float32, operation by operation. Then the training step. Medians of many. Prints
one line and ends with 2 where there is no GPU.

The floors: multiplications at the rate of a large matrix product in the same precision, and every activation
written once and read once at the rate of a large copy, both measured here first.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from style_transfer import StyleModel, Stylizer, load_model
from style_transfer.errors import UserError
from style_transfer.losses.perceptual import CONTENT_LAYERS, STYLE_LAYERS, PerceptualLoss
from style_transfer.losses.vgg import VGG19Features
from style_transfer.networks.styles import Style
from style_transfer.runtime.cuda_engine import CudaEngine, Ticket
from style_transfer.runtime.device import choose_device
from style_transfer.runtime.gpu import exact_kernels
from style_transfer.runtime.look import Look
from style_transfer.training.config import TrainingConfig
from style_transfer.training.trainer import Trainer

GOALS = {("fast", (1080, 1920)): 1000, ("fast", (2160, 3840)): 250, ("johnson", (1080, 1920)): 300}


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
    flops, bandwidth = peaks(device)
    print(f"{torch.cuda.get_device_name(device)}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}")
    print(f"fp16 matrix product {flops / 1e12:.0f} TFLOP/s, copy {bandwidth / 1e9:.0f} GB/s", flush=True)
    for (network, size), goal in GOALS.items():
        rows(network, size, goal, args, flops, bandwidth)
    training_step(device, args.vgg_weights)
    return 0


def peaks(device: torch.device) -> tuple[float, float]:
    """FLOP/s of an fp16 matrix product of 8192², bytes/s read and written by a copy of 2 GiB."""
    a = torch.randn(8192, 8192, device=device, dtype=torch.float16)
    product = on_device(lambda: a @ a, 20)
    x = torch.empty(1 << 30, device=device, dtype=torch.uint8)
    y = torch.empty_like(x)
    return 2 * 8192**3 / product, 2 * x.numel() / on_device(lambda: y.copy_(x), 20)


def rows(
    name: str, size: tuple[int, int], goal: int, args: argparse.Namespace, flops: float, bandwidth: float
) -> None:
    torch.manual_seed(0)
    model = load_model() if name == "fast" else StyleModel.create(name, [Style("a")])
    height, width = size
    frames = [np.random.default_rng(n).integers(0, 256, (*size, 3), np.uint8) for n in range(4)]
    macs, moved = cost(model, size)
    floors = 2 * macs / flops, moved / bandwidth
    print(
        f"\n{name} {width}x{height}: goal {goal} frames/s; floors: arithmetic {1 / floors[0]:.0f},", end=" "
    )
    print(f"memory {1 / floors[1]:.0f}, both in turn {1 / sum(floors):.0f} frames/s")
    exact = Stylizer(model, device="cuda", precision="fp32")
    for compiled in [False] if args.without_compile else [False, True]:
        stylize = Stylizer(model, device="cuda", precision="fp16", compiled=compiled)
        live, engine = stylize.look, stylize.engine
        assert isinstance(engine, CudaEngine)
        for kind, look in {"live": live, "frozen": live.frozen(stylize.measure(frames[0], live))}.items():
            for frame in frames * 2:
                engine.paint(frame, look)
            label = f"fp16, {kind} statistics" + (", --compile" if compiled else "")
            report(f"{label}: a stream, copies counted", overlapped(engine, frames, look, args.frames))
            report(
                f"{label}: one frame at a time, copies counted", in_turn(engine, frames, look, args.frames)
            )
            if engine._graphs:
                replay = next(reversed(engine._graphs.values()))._replay
                report(f"{label}: network and conversion, no copies", on_device(replay, args.frames))
            painted = engine.paint(frames[0], look).astype(np.int16)
            difference = np.abs(painted - exact(frames[0], look))
            most = np.quantile(difference, 0.999)
            print(f"  against fp32: mean {difference.mean():.3f}, 99.9th percentile {most:.0f} of 255")
        engine.release()
    plain = model.network.to("cuda").eval()
    look_tensors = [torch.from_numpy(part).to("cuda") for part in exact.look.parameters]
    picture = torch.rand(1, 3, *size, device="cuda")

    def eager() -> torch.Tensor:
        return plain(picture, *look_tensors)

    with torch.inference_mode():
        report("plain eager fp32, TF32 as PyTorch has it, no copies", on_device(eager, 20))
        with exact_kernels():
            report("plain eager fp32, no TF32, no copies", on_device(eager, 20))
    copies(frames[0])


def copies(frame: np.ndarray) -> None:
    """The bus alone, both ways, from and to pinned memory."""
    host = torch.from_numpy(frame).pin_memory()
    there = host.to("cuda")
    report("upload alone", on_device(lambda: there.copy_(host, non_blocking=True), 100))
    report("download alone", on_device(lambda: host.copy_(there, non_blocking=True), 100))


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


def cost(model: StyleModel, size: tuple[int, int]) -> tuple[float, float]:
    """Multiplications of the convolutions, and bytes of fp16 activations written once and read once."""
    macs = moved = 0.0

    def count(module: nn.Module, inputs: tuple[torch.Tensor, ...], result: torch.Tensor) -> None:
        nonlocal macs, moved
        macs += result.numel() * module.conv.weight[0].numel()
        moved += 2 * (inputs[0].numel() + result.numel())

    hooks = [m.register_forward_hook(count) for m in model.network.modules() if hasattr(m, "conv")]
    look = model.mix({model.style_names[0]: 1})
    with torch.no_grad():
        model.network(torch.zeros(1, 3, 256, 256), *look)
    for hook in hooks:
        hook.remove()
    weight = look.output_weight[0]
    macs += 256 * 256 * weight.numel()
    moved += 256 * 256 * (2 * weight.shape[1] + 2 * 3)
    scale = size[0] * size[1] / 256**2
    return macs * scale, moved * scale


def training_step(device: torch.device, weights: Path | None) -> None:
    """The trainer's own step, all losses in it, at batch 16, crop 256, in bf16; its photos are in memory."""
    torch.manual_seed(0)
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
    for _ in range(5):
        trainer._train_step(crops)
    seconds = []
    for _ in range(60):
        start = time.perf_counter()
        trainer._train_step(crops)
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    print()
    report("training step, fast, batch 16, crop 256 (goal 20)", statistics.median(seconds), unit="steps")


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
    print(f"  {what}: {seconds * 1e3:.3f} ms, {1 / seconds:.0f} {unit}/s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
