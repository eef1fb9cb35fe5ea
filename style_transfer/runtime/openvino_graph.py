"""The networks as OpenVINO graphs, built from their weights alone: no conversion, no torch.

A graph computes what the network's ``forward`` computes, from ``uint8`` pixels to ``uint8`` pixels, arranged for
speed: convolutions after nearest upsampling run at the lower resolution, where the same sums take 2.25 times fewer
multiplications, and the last convolution gives a 2×2 block of pixels at a time, because three channels
would leave most of a vector register empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import openvino.opset13 as ov_op
from numpy.typing import NDArray
from openvino import Dimension, Model, Node, PartialShape, Type

Array = NDArray[np.float32]
Kind = Literal["live", "frozen", "measure"]

_BLOCK = 2  # the last convolution paints blocks of 2×2 pixels

# Nearest upsampling by 2, then three taps, is two taps on the original pixels: _TAPS[phase, tap, kernel].
_TAPS = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)


def build_graph(
    network: str, arguments: Mapping[str, Any], weights: Mapping[str, Array], output: str, kind: Kind
) -> Model:
    """The graph of a network.

    ``network`` and ``arguments`` are what its model file says, ``weights`` its state dictionary, ``output`` is
    ``sigmoid`` or ``clamp``. Inputs: ``frame`` ``uint8`` ``(H, W, 3)``, any H and W from 1; ``gains`` and
    ``offsets`` float32 ``(1, C, 1, 1)``, what each norm multiplies by and adds, C the channels of all norms;
    ``output_weight`` and ``output_bias`` as :func:`output_layer` gives them. Outputs: the ``live`` and the
    ``frozen`` graph's is the picture, like the frame; norms of a live one normalise before they multiply. The
    ``measure`` graph's are the norms' means and variances, float32 ``(C,)``; it takes no output layer.
    """
    build = {"fast": _fast_features, "johnson": _johnson_features}[network]
    graph = _Graph(weights, float(arguments["epsilon"]), kind)
    x = build(graph)
    if kind == "measure":
        results = [ov_op.concat(part, 0) for part in (graph.means, graph.variances)]
    else:
        results = [_pixels(graph, x, network, output)]
    return Model(results, graph.inputs, network)


def output_layer(network: str, weight: Array, bias: Array) -> tuple[Array, Array]:
    """A look's output convolution, ``(3, F, k, k)`` and ``(3,)``, as the graph takes it."""
    if network == "fast":
        # Phases swapped: the block that the graph computes at a pixel lies half a block above and left of it.
        blocks = _phases(weight)[::-1, ::-1]
    else:
        kernel = weight.shape[-1]
        blocks = np.zeros((_BLOCK, _BLOCK, *weight.shape[:2], kernel + 1, kernel + 1), np.float32)
        for row in range(_BLOCK):
            for column in range(_BLOCK):
                blocks[row, column, ..., row : row + kernel, column : column + kernel] = weight
    blocks = blocks.reshape(-1, *blocks.shape[3:])
    return np.ascontiguousarray(blocks), np.tile(bias, _BLOCK * _BLOCK).reshape(1, -1, 1, 1)


def _phases(weight: Array) -> Array:
    """``(out, in, 3, 3)`` after upsampling → ``(2, 2, out, in, 2, 2)``, one kernel per pixel of a 2×2 block."""
    phases: Array = np.einsum("apk,bql,oikl->aboipq", _TAPS, _TAPS, weight)
    return phases


class _Graph:
    """Inputs, weights and norms of a graph that is being built."""

    def __init__(self, weights: Mapping[str, Array], epsilon: float, kind: Kind) -> None:
        self.weights, self.kind = weights, kind
        self._epsilon = epsilon
        self._position = 0
        self.means: list[Node] = []
        self.variances: list[Node] = []
        self.inputs: list[Node] = []
        channels = sum(weight.shape[0] for weight in weights.values())  # a norm follows every convolution
        self.frame = self.input("frame", PartialShape([Dimension(1, -1), Dimension(1, -1), 3]), Type.u8)
        self._gains, self._offsets = (self.input(name, [1, channels, 1, 1]) for name in ("gains", "offsets"))

    def input(self, name: str, shape: Any, kind: Type = Type.f32) -> Node:
        node = ov_op.parameter(shape, kind, name)
        node.output(0).tensor.names = {name}
        self.inputs.append(node)
        return node

    def padded(self, stride: int) -> Node:
        """The frame, its right and bottom edge replicated as ``pad_to_stride`` does."""
        size = ov_op.slice(ov_op.shape_of(self.frame), _ints(0), _ints(2), _ints(1))
        strides = ov_op.divide(ov_op.add(size, _ints(stride - 1)), _ints(stride))
        padding = ov_op.subtract(ov_op.maximum(ov_op.multiply(strides, _ints(stride)), _ints(2 * stride)), size)
        return ov_op.pad(self.frame, _ints(0, 0, 0), ov_op.concat([padding, _ints(0)], 0), "edge")

    def convolution(self, x: Node, name: str, stride: int = 1) -> Node:
        weight = self.weights[f"{name}.conv.weight"]
        return _convolution(_pad(x, weight.shape[-1] // 2, "reflect"), ov_op.constant(weight), stride)

    def first_convolution(self, pixels: Node, weight: Array) -> Node:
        """On ``uint8`` pixels 0..255, which are padded while they are small."""
        x = ov_op.convert(_pad(pixels, weight.shape[-1] // 2, "reflect"), Type.f32)
        return _convolution(x, ov_op.constant(np.ascontiguousarray(weight / np.float32(255))))

    def upsampled_convolution(self, x: Node, name: str) -> Node:
        """Upsampling and a 3×3 convolution as one transposed convolution, whose kernel holds the phases."""
        phases = _phases(self.weights[f"{name}.conv.weight"])
        kernel = np.zeros((phases.shape[3], phases.shape[2], 4, 4), np.float32)
        for row in range(2):
            for column in range(2):
                taps = phases[row, column].transpose(1, 0, 2, 3)[..., ::-1, ::-1]
                kernel[..., 1 - row :: 2, 1 - column :: 2] = taps
        # Replicating the low resolution is reflecting the high one.
        x = _pad(x, 1, "edge")
        kernel = np.ascontiguousarray(kernel)
        return ov_op.convolution_backprop_data(
            x, ov_op.constant(kernel), [2, 2], pads_begin=[3, 3], pads_end=[3, 3]
        )

    def norm(self, x: Node, channels: int) -> Node:
        span = _ints(self._position), _ints(self._position + channels), _ints(1), _ints(1)
        self._position += channels
        gain, offset = ov_op.slice(self._gains, *span), ov_op.slice(self._offsets, *span)
        if self.kind == "live":
            x = ov_op.mvn(x, _ints(2, 3), True, self._epsilon, "inside_sqrt")
        elif self.kind == "measure":
            mean = ov_op.reduce_mean(x, _ints(2, 3), True)
            x = ov_op.subtract(x, mean)
            variance = ov_op.reduce_mean(ov_op.multiply(x, x), _ints(2, 3), True)
            self.means.append(ov_op.reshape(mean, _ints(-1), False))
            self.variances.append(ov_op.reshape(variance, _ints(-1), False))
            x = ov_op.divide(x, ov_op.sqrt(ov_op.add(variance, _float(self._epsilon))))
        return ov_op.add(ov_op.multiply(x, gain), offset)

    def residual(self, x: Node, name: str, channels: int) -> Node:
        y = ov_op.relu(self.norm(self.convolution(x, f"{name}.first"), channels))
        return ov_op.add(x, self.norm(self.convolution(y, f"{name}.second"), channels))


def _fast_features(graph: _Graph) -> Node:
    a, b, c = (graph.weights[f"down{n}.conv.weight"].shape[0] for n in (2, 4, 8))
    relu, norm = ov_op.relu, graph.norm
    pixels = graph.padded(8)
    halves = ov_op.divide(ov_op.slice(ov_op.shape_of(pixels), _ints(0), _ints(2), _ints(1)), _ints(2))
    height, width = ov_op.split(halves, _scalar(0), 2).outputs()
    two, three = _ints(2), _ints(3)
    pixels = ov_op.reshape(pixels, ov_op.concat([height, two, width, two, three], 0), False)
    pixels = ov_op.transpose(pixels, _ints(0, 2, 1, 3, 4))
    pixels = ov_op.reshape(pixels, ov_op.concat([_ints(1), height, width, _ints(12)], 0), False)
    pixels = ov_op.transpose(pixels, _ints(0, 3, 1, 2))
    # Channels come as (row, column, colour) here, as (colour, row, column) in the network.
    weight = graph.weights["down2.conv.weight"].reshape(a, 3, 2, 2, 3, 3).transpose(0, 2, 3, 1, 4, 5)
    x = relu(norm(graph.first_convolution(pixels, weight.reshape(a, 12, 3, 3)), a))
    quarter = relu(norm(graph.convolution(x, "down4", 2), b))
    x = relu(norm(graph.convolution(quarter, "down8", 2), c))
    for block in range(_blocks(graph.weights)):
        x = graph.residual(x, f"residuals.{block}", c)
    x = relu(ov_op.add(norm(graph.upsampled_convolution(x, "up4"), b), quarter))
    x = relu(norm(graph.upsampled_convolution(x, "up2"), a))
    return x


def _johnson_features(graph: _Graph) -> Node:
    first, *_ = (graph.weights[f"encoder.{n}.conv.weight"] for n in range(3))
    a, b, c = (graph.weights[f"encoder.{n}.conv.weight"].shape[0] for n in range(3))
    relu, norm = ov_op.relu, graph.norm
    pixels = ov_op.transpose(ov_op.unsqueeze(graph.padded(4), _ints(0)), _ints(0, 3, 1, 2))
    x = relu(norm(graph.first_convolution(pixels, first), a))
    x = relu(norm(graph.convolution(x, "encoder.1", 2), b))
    x = relu(norm(graph.convolution(x, "encoder.2", 2), c))
    for block in range(_blocks(graph.weights)):
        x = graph.residual(x, f"residuals.{block}", c)
    x = relu(norm(graph.upsampled_convolution(x, "decoder.0"), b))
    return relu(norm(graph.upsampled_convolution(x, "decoder.1"), a))


def _pixels(graph: _Graph, x: Node, network: str, output: str) -> Node:
    """Features → ``uint8`` ``(H, W, 3)`` of the frame's size."""
    features = x.get_output_partial_shape(0)[1].get_length()
    colors = 3 * _BLOCK * _BLOCK
    bias = graph.input("output_bias", [1, colors, 1, 1])
    if network == "fast":
        weight = graph.input("output_weight", [colors, features, 2, 2])
        y, start = _convolution(_pad(x, 1, "edge"), weight), 1
    else:
        weight = graph.input("output_weight", [colors, features, 10, 10])
        y, start = _convolution(_pad(x, 4, "reflect"), weight, _BLOCK), 0
    y = ov_op.add(y, bias)
    y = ov_op.sigmoid(y) if output == "sigmoid" else ov_op.clamp(y, 0.0, 1.0)
    # Rounded, not truncated.
    y = ov_op.floor(ov_op.add(ov_op.multiply(y, _float(255)), _float(0.5)))
    y = ov_op.transpose(ov_op.convert(y, Type.u8), _ints(0, 2, 3, 1))
    _, height, width, _ = ov_op.split(ov_op.shape_of(y), _scalar(0), 4).outputs()
    two, three, whole = _ints(_BLOCK), _ints(3), _ints(-1)
    y = ov_op.reshape(y, ov_op.concat([height, width, two, two, three], 0), False)
    y = ov_op.transpose(y, _ints(0, 2, 1, 3, 4))
    y = ov_op.reshape(y, ov_op.concat([ov_op.multiply(height, two), whole, three], 0), False)
    size = ov_op.slice(ov_op.shape_of(graph.frame), _ints(0), _ints(2), _ints(1))
    begin = _ints(start, start)
    return ov_op.slice(y, begin, ov_op.add(size, begin), _ints(1, 1), _ints(0, 1))


def _blocks(weights: Mapping[str, Array]) -> int:
    return sum(name.startswith("residuals.") for name in weights) // 2


def _convolution(x: Node, weight: Node, stride: int = 1) -> Node:
    return ov_op.convolution(x, weight, [stride, stride], [0, 0], [0, 0], [1, 1])


def _pad(x: Node, margin: int, mode: str) -> Node:
    margins = _ints(0, 0, margin, margin)
    return ov_op.pad(x, margins, margins, mode)


def _ints(*values: int) -> Node:
    return ov_op.constant(np.array(values, np.int64))


def _scalar(value: int) -> Node:
    return ov_op.constant(np.array(value, np.int64))


def _float(value: float) -> Node:
    return ov_op.constant(np.array(value, np.float32))
