"""The networks as OpenVINO graphs, built from their weights alone: no conversion, no torch.

A graph computes what the network's ``forward`` computes, from ``uint8`` to ``uint8`` pixels, arranged for
speed: convolutions after nearest upsampling run at the lower resolution, where the same sums take 2.25 times
fewer multiplications, with 2×2 pixels as channels (``depth_to_space``, and not a transposed convolution,
which OpenVINO computes in float32 and in another memory layout); and the last convolution gives a block of
pixels at a time, because three channels would leave most of a vector register empty.

With ``units`` the convolutions before the last compute in whole numbers: weights in steps of each
output channel's largest, activations in 256 steps of a range. OpenVINO wants ranges that are constants; a
look's own are therefore taken out of the activations before a convolution and put back into the norm after
it. So here too one compiled graph serves every look.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import openvino.opset13 as op
from openvino import Dimension, Model, Node, PartialShape, Type

from style_transfer.networks.plan import Plan
from style_transfer.networks.stored_model import StoredNetwork
from style_transfer.runtime.openvino_kernels import BLOCKS, Array, blocks_of

Kind = Literal["live", "frozen", "measure"]


def build_graph(
    network: StoredNetwork, kind: Kind, units: Array | None = None, weight_bits: int = 8
) -> Model:
    """The graph of a network.

    ``units``, those of the :class:`Ranges`, make it one of whole numbers, with weights of ``weight_bits``: 8,
    or 7 on CPUs whose 8-bit sums of products saturate, those without VNNI.

    Inputs: ``frame`` ``uint8`` ``(H, W, 3)``, any H and W from 1; ``gains`` and ``offsets`` float32
    ``(1, C, 1, 1)``, what each norm multiplies by and adds, C the channels of all norms; ``output_weight``
    and ``output_bias`` as ``openvino_kernels.output_layer`` gives them; with ``units``, ``step_gains`` and
    ``step_offsets`` float32 ``(1, C, 1, 1)``, which turn the numbers that enter the convolutions into parts
    of their range, -1..1, and ``spans`` ``(1, P, 1, 1)`` as in ``Ranges``, which turn them back; not in the
    ``frozen`` graph, whose gains do that too. The convolutions compute as if ``Ranges.centers`` were 0; what
    that shifts is for the caller to take out of the means.

    Output: the picture, of the frame's shape. The norms of the ``live`` graph normalise before they multiply,
    those of the ``frozen`` one do not. The ``measure`` graph gives the means and variances that its norms saw
    instead, float32 ``(C,)`` each, and takes no output layer.
    """
    build = {"fast": _fast_features, "johnson": _johnson_features}[network.plan.name]
    graph = _Graph(network, kind, units, weight_bits)
    x = build(graph)
    if kind == "measure":
        results = [op.concat(part, 0) for part in (graph.means, graph.variances)]
    else:
        results = [_pixels(graph, x, network.plan)]
    return Model(results, graph.inputs, network.plan.name)


class _Graph:
    """Inputs, weights and norms of a graph that is being built."""

    def __init__(self, network: StoredNetwork, kind: Kind, units: Array | None, weight_bits: int) -> None:
        self.weights, self.kind = network.weights, kind
        plan = network.plan
        self._blocks, self._signed = plan.residual_blocks, plan.signed
        self.means: list[Node] = []
        self.variances: list[Node] = []
        self.inputs: list[Node] = []
        self._epsilon, self._position = plan.epsilon, 0
        self.frame = self.input("frame", PartialShape([Dimension(1, -1), Dimension(1, -1), 3]), Type.u8)
        channels = sum(plan.norm_channels)
        self._affine = [self.input(name, [1, channels, 1, 1]) for name in ("gains", "offsets")]
        self._units, self._weight_bits = units, weight_bits
        self._spans_used = self._units_used = 0
        if units is not None:
            if kind != "frozen":
                self._spans = self.input("spans", [1, len(plan.range_channels), 1, 1])
            self._steps = [self.input(name, [1, len(units), 1, 1]) for name in ("step_gains", "step_offsets")]

    def input(self, name: str, shape: Any, kind: Type = Type.f32) -> Node:
        node = op.parameter(shape, kind, name)
        node.output(0).tensor.names = {name}
        self.inputs.append(node)
        return node

    def layer(self, x: Node, name: str, stride: int = 1) -> Node:
        """Reflection padding, convolution, norm: as ``ConvLayer`` and the norm after it."""
        x, weight, span = self._in_steps(x, name)
        x = _pad(x, weight.shape[-1] // 2, "reflect")
        return self._norm(_convolution(x, self._kernel(weight), (stride, stride)), span)

    def first_layer(self, pixels: Node, weight: Array, stride: tuple[int, int] = (1, 1)) -> Node:
        """Of ``uint8`` pixels ``(1, H, W, in)``, padded already, in the layout they lie in.

        In whole numbers too where the others are: pixels are some already, only the weights are rounded.
        """
        x = op.transpose(op.convert(pixels, Type.f32), _ints(0, 3, 1, 2))
        # Not where statistics follow: OpenVINO takes them of the whole numbers, with means and epsilon wrong.
        if self._units is not None and self.kind == "frozen":
            x = op.fake_quantize(x, *(_float(v) for v in (0, 255, 0, 255)), 256)
        return self._norm(_convolution(x, self._kernel(weight / np.float32(255)), stride))

    def upsampled_layer(self, x: Node, name: str, *, margin: bool = False) -> Node:
        """With nearest upsampling by 2 first; ``x`` comes with a ``margin`` of one pixel or gets it.

        The result has one, too: its border replicated, which is what lies beyond, since the input's border
        is replicated and upsampled to pairs of the same.
        """
        x, weight, span = self._in_steps(x, name)
        x = x if margin else _pad(x, 1, "edge")
        x = _convolution(x, self._kernel(blocks_of(weight)))
        if self.kind == "frozen":
            return op.depth_to_space(self._norm(x, span, pixels=4), "blocks_first", 2)
        x = op.depth_to_space(x, "blocks_first", 2)
        inner = op.slice(x, _ints(1, 1), _ints(-1, -1), _ints(1, 1), _ints(2, 3))
        return _pad(self._norm(inner, span), 1, "edge")

    def residuals(self, x: Node) -> Node:
        for block in range(self._blocks):
            name = f"residuals.{block}"
            y = op.relu(self.layer(x, f"{name}.first"))
            x = op.add(x, self.layer(y, f"{name}.second"))
        return x

    def _in_steps(self, x: Node, name: str) -> tuple[Node, Array, Node | None]:
        """``x`` in steps for a convolution in whole numbers; its weights; the span if no gain has it."""
        weight = self.weights[f"{name}.conv.weight"]
        if self._units is None:
            return x, weight, None
        begin, end = self._units_used, self._units_used + weight.shape[1]
        span = None if self.kind == "frozen" else _part(self._spans, self._spans_used, axis=1)
        self._units_used, self._spans_used = end, self._spans_used + 1
        gain, offset = (_part(v, begin, end, axis=1) for v in self._steps)
        # Steps from -128, not -127: what OpenVINO makes unsigned by adding 128 would lie between them.
        signed = name in self._signed
        steps, low = (127, -128 / 127) if signed else (255, 0)
        # Rounded here: where it fuses what precedes a FakeQuantize with it, it truncates what is unsigned.
        x = op.round(op.multiply(op.add(op.multiply(x, gain), offset), _float(steps)), "half_to_even")
        x = op.multiply(x, _float((1 if signed else 1 + 1e-6) / steps))
        ends = _float(low), _float(1)
        x = op.fake_quantize(x, *ends, *ends, 256)
        return x, weight * self._units[begin:end, None, None], span

    def _kernel(self, weight: Array) -> Node:
        """The weights of a convolution."""
        kernel: Node = op.constant(weight)
        if self._units is not None:
            most = np.abs(weight).max((1, 2, 3), keepdims=True)
            # With fewer bits the same 255 steps span more than the weights, which use the middle ones only.
            most = np.maximum(most, 1e-12) * np.float32(127 / (2 ** (self._weight_bits - 1) - 1))
            kernel = op.fake_quantize(kernel, -most, most, -most, most, 255)
        return kernel

    def _norm(self, x: Node, span: Node | None = None, pixels: int = 1) -> Node:
        """``span`` is what the convolution's input was divided by; ``pixels`` lie in the channels of one."""
        begin, end = self._position, self._position + _channels(x) // pixels
        self._position = end
        gain, offset = (_part(v, begin, end, axis=1) for v in self._affine)
        if pixels > 1:
            gain, offset = (op.tile(v, _ints(1, pixels, 1, 1)) for v in (gain, offset))
        if span is not None:
            x = op.multiply(x, span)
        if self.kind == "live":
            x = op.mvn(x, _ints(2, 3), True, self._epsilon, "inside_sqrt")
        elif self.kind == "measure":
            mean = op.reduce_mean(x, _ints(2, 3), True)
            x = op.subtract(x, mean)
            variance = op.reduce_mean(op.multiply(x, x), _ints(2, 3), True)
            self.means.append(op.reshape(mean, _ints(-1), False))
            self.variances.append(op.reshape(variance, _ints(-1), False))
            x = op.divide(x, op.sqrt(op.add(variance, _float(self._epsilon))))
        return op.add(op.multiply(x, gain), offset)


def _fast_features(graph: _Graph) -> Node:
    relu = op.relu
    pixels = _pad_to_stride(graph.frame, 8)
    # Blocks of 4×4 pixels as channels, reflected by a block at each side; the four of a row lie together
    # already, and the four rows are left to the convolution, whose kernel takes twelve rows of pixels.
    height, width = (op.divide(_part(op.shape_of(pixels), n), _ints(4)) for n in (0, 1))
    pixels = op.reshape(pixels, op.concat([height, _ints(4), width, _ints(12)], 0), False)
    pixels = op.pad(pixels, _ints(1, 0, 1, 0), _ints(1, 0, 1, 0), "reflect")
    pixels = op.reshape(pixels, op.concat([_ints(1, -1), op.add(width, _ints(2)), _ints(12)], 0), False)
    # (out, colour, row, column, block row, block column) → (out, column and colour, block row and row, ...)
    weight = graph.weights["down4.conv.weight"]
    weight = weight.reshape(-1, 3, 4, 4, 3, 3).transpose(0, 3, 1, 4, 2, 5).reshape(-1, 12, 12, 3)
    quarter = relu(graph.first_layer(pixels, weight, (4, 1)))
    x = graph.residuals(relu(graph.layer(quarter, "down8", 2)))
    x = relu(op.add(graph.upsampled_layer(x, "up4"), _pad(quarter, 1, "edge")))
    return relu(graph.upsampled_layer(x, "up2", margin=True))


def _johnson_features(graph: _Graph) -> Node:
    relu = op.relu
    pixels = op.unsqueeze(_pad_to_stride(graph.frame, 4), _ints(0))
    pixels = op.pad(pixels, _ints(0, 4, 4, 0), _ints(0, 4, 4, 0), "reflect")
    x = relu(graph.first_layer(pixels, graph.weights["encoder.0.conv.weight"]))
    x = relu(graph.layer(x, "encoder.1", 2))
    x = graph.residuals(relu(graph.layer(x, "encoder.2", 2)))
    x = relu(graph.upsampled_layer(x, "decoder.0"))
    return relu(graph.upsampled_layer(x, "decoder.1", margin=True))


def _pixels(graph: _Graph, x: Node, plan: Plan) -> Node:
    """Features → ``uint8`` ``(H, W, 3)`` of the frame's size."""
    rows, columns = BLOCKS[plan.name]
    colors = rows * columns * 3
    bias = graph.input("output_bias", [1, colors])
    if plan.name == "fast":
        weight = graph.input("output_weight", [colors, _channels(x), 2, 2])
        y, start = _convolution(x, weight), 1
    else:
        weight = graph.input("output_weight", [colors, _channels(x), 8 + rows, 8 + columns])
        x = op.slice(x, _ints(1, 1), _ints(-1, -1), _ints(1, 1), _ints(2, 3))
        y, start = _convolution(_pad(x, 4, "reflect"), weight, (rows, columns)), 0
    y = op.transpose(y, _ints(0, 2, 3, 1))
    height, width = (_part(op.shape_of(y), n) for n in (1, 2))
    # Whole rows at a time: twelve numbers a pixel would leave vector registers half empty.
    y = op.reshape(y, op.concat([height, _ints(-1)], 0), False)
    y = op.add(y, op.tile(bias, op.concat([_ints(1), width], 0)))
    y = op.sigmoid(y) if plan.output == "sigmoid" else op.clamp(y, 0.0, 1.0)
    # Rounded, not truncated.
    y = op.convert(op.floor(op.add(op.multiply(y, _float(255)), _float(0.5))), Type.u8)
    y = op.reshape(y, op.concat([height, width, _ints(rows, 3 * columns)], 0), False)
    y = op.transpose(y, _ints(0, 2, 1, 3))
    y = op.reshape(y, op.concat([op.multiply(height, _ints(rows)), _ints(-1, 3)], 0), False)
    size = _part(op.shape_of(graph.frame), 0, 2)
    begin = _ints(start, start)
    return op.slice(y, begin, op.add(size, begin), _ints(1, 1), _ints(0, 1))


def _pad_to_stride(frame: Node, stride: int) -> Node:
    """Replicate the right and bottom edge up to a multiple of ``stride``, at least two of them."""
    size = _part(op.shape_of(frame), 0, 2)
    whole = op.multiply(op.divide(op.add(size, _ints(stride - 1)), _ints(stride)), _ints(stride))
    padding = op.subtract(op.maximum(whole, _ints(2 * stride)), size)
    return op.pad(frame, _ints(0, 0, 0), op.concat([padding, _ints(0)], 0), "edge")


def _convolution(x: Node, weight: Node, stride: tuple[int, int] = (1, 1)) -> Node:
    return op.convolution(x, weight, stride, [0, 0], [0, 0], [1, 1])


def _pad(x: Node, margin: int, mode: str) -> Node:
    margins = _ints(0, 0, margin, margin)
    return op.pad(x, margins, margins, mode)


def _ints(*values: int) -> Node:
    return op.constant(np.array(values, np.int64))


def _part(x: Node, begin: int, end: int | None = None, axis: int = 0) -> Node:
    end = begin + 1 if end is None else end
    return op.slice(x, _ints(begin), _ints(end), _ints(1), _ints(axis))


def _channels(x: Node) -> int:
    channels: int = x.get_output_partial_shape(0)[1].get_length()
    return channels


def _float(value: float) -> Node:
    return op.constant(np.array(value, np.float32))
