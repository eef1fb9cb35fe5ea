"""``johnson`` as it runs here beside the same network as pytorch/examples runs it: eager, InstanceNorm2d.

The plain network is written out below from the same weights: reflection padding, convolutions, nearest
upsampling and ``nn.InstanceNorm2d`` with the style's scales and shifts, in the memory layout PyTorch has by
default, ``uint8`` array to ``uint8`` array. Rounds of frames alternate between the two; medians count.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from machine import SAMPLES, describe
from PIL import Image
from torch import Tensor, nn

from style_transfer import Stylizer, load_model
from style_transfer.networks.plan import NORM_EPSILON
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.quantize import measure_ranges

PHOTOS = sorted(SAMPLES.glob("*.jpg"))


class PlainLayer(nn.Sequential):
    """Upsampling, padding, convolution, norm."""

    def __init__(
        self, weight: Tensor, scale: Tensor, shift: Tensor, stride: int = 1, upsample: int = 1
    ) -> None:
        outputs, inputs, kernel, _ = weight.shape
        conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        norm = nn.InstanceNorm2d(outputs, eps=NORM_EPSILON, affine=True)
        with torch.no_grad():
            for mine, theirs in ((conv.weight, weight), (norm.weight, scale), (norm.bias, shift)):
                mine.copy_(theirs)
        before = [nn.Upsample(scale_factor=upsample)] if upsample > 1 else []
        super().__init__(*before, nn.ReflectionPad2d(kernel // 2), conv, norm)


class Plain(nn.Module):
    """The network of Johnson et al., with one style of ``model`` built in."""

    def __init__(self, model: StyleModel) -> None:
        super().__init__()
        style = model.mix({model.style_names[0]: 1.0})
        weights = list(model.network.state_dict().values())
        sizes = [len(weight) for weight in weights]
        norms = list(zip(style.scales[0].split(sizes), style.shifts[0].split(sizes), strict=True))
        how = [{}, {"stride": 2}, {"stride": 2}, *[{}] * 10, {"upsample": 2}, {"upsample": 2}]
        self.layers = nn.ModuleList(
            PlainLayer(w, *n, **h) for w, n, h in zip(weights, norms, how, strict=True)
        )
        self.output = style.output_weight[0], style.output_bias[0]

    @torch.inference_mode()
    def forward(self, frame: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(frame).permute(2, 0, 1)[None].contiguous().float() / 255
        for layer in self.layers[:3]:
            x = F.relu(layer(x))
        for first, second in zip(self.layers[3:13:2], self.layers[4:13:2], strict=True):
            x = x + second(F.relu(first(x)))
        for layer in self.layers[13:]:
            x = F.relu(layer(x))
        x = torch.sigmoid(F.conv2d(F.pad(x, (4, 4, 4, 4), mode="reflect"), *self.output))
        return (x[0] * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="a johnson model's file (an untrained one: the speed is the same)")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16", "int8"], help="(fp32 bf16 int8)")
    parser.add_argument("--rounds", type=int, default=5, help="(5)")
    parser.add_argument("--frames", type=int, default=3, help="a round (3)")
    parser.add_argument("--size", default="640x480", help="multiples of 4 (640x480)")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    frame = np.array(Image.open(PHOTOS[0]).convert("RGB").resize((width, height)))
    torch.manual_seed(0)
    model = load_model(args.model) if args.model else StyleModel.create("johnson", [Style("untrained")])
    if model.ranges is None:
        model.ranges = measure_ranges(model, [np.array(Image.open(p).convert("RGB")) for p in PHOTOS])
    plain = Plain(model)
    runs: dict[str, Callable[[], np.ndarray]] = {"plain eager float32": lambda: plain(frame)}
    for precision in args.precision:
        stylize = Stylizer(model, device="cpu", precision=precision)
        frozen = stylize.look.frozen(stylize.measure(frame, stylize.look))
        for name, look in (("live", stylize.look), ("frozen", frozen)):
            runs[f"here, {precision}, {name} statistics"] = partial(stylize, frame, look)
    pictures = {name: run() for name, run in runs.items() for _ in range(3)}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(args.rounds):
        for name, run in runs.items():
            for _ in range(args.frames):
                start = time.perf_counter()
                run()
                times[name].append(time.perf_counter() - start)
    print(f"{args.size}, {describe('torch', 'openvino')}")
    first = next(iter(runs))
    base = statistics.median(times[first])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        off = np.abs(pictures[name].astype(int) - pictures[first]).mean()
        ratio = base / median
        print(f"{name}: median {median * 1e3:.0f} ms, {ratio:.2f} times; {off:.2f} of 255 from the first")


if __name__ == "__main__":
    main()
