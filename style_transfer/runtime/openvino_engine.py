"""Running a network with OpenVINO, on the CPU."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any, Literal, NamedTuple

import numpy as np
import openvino
from numpy.typing import NDArray

from style_transfer.networks.stored_model import StoredNetwork
from style_transfer.networks.styles import Ranges, Statistics, StyleParameters
from style_transfer.runtime.look import Look
from style_transfer.runtime.openvino_graph import Kind, build_graph
from style_transfer.runtime.openvino_kernels import as_bfloat16, output_layer
from style_transfer.runtime.threads import thread_budget

_SIZES = 2  # models compiled for one size that are kept; each holds its working memory


class _Variant(NamedTuple):
    """One of the graphs of a network."""

    kind: Kind
    int8: bool = False


class _Steps(NamedTuple):
    """What int8 computes of a look's ranges; of no effect by default, where it computes in floats."""

    inputs: dict[str, NDArray[Any]] = {}  # noqa: RUF012 (never written to)
    #: ``(1, C)``: what the convolutions' inputs were divided by, of each norm's channels.
    spans: Any = 1
    #: ``(1, C)``: by how much the convolutions' means are off, because they take ``centers`` for 0.
    shifts: Any = 0


class OpenVinoEngine:
    """One network on the CPU; looks come with each call, and nothing is compiled for another look.

    A model for any size is compiled for the first frame, and one for this very size, a sixth
    faster, once a second frame in a row has it: a folder of photos never waits for a compilation, a video
    once. Live and frozen statistics have models of their own, compiled when first used.

    Args:
        precision: ``f32``, or ``bf16`` where the hardware has it; statistics are ``f32`` always.
        int8: which of ``live`` and ``frozen`` looks have their convolutions computed in whole numbers, where
            they come with ranges.
        weight_bits: of these whole numbers, see :func:`build_graph`.
        units: of the looks' ranges, ``(C,)``; int8 takes them.
        trial: whether whole numbers paint well here; asked once, before they are first used or spoken of, so
            that who does not need them never waits for it. None: they do.
        threads: None is :func:`~style_transfer.runtime.threads.thread_budget`.

    One thread at a time may use it. Raises ``RuntimeError`` where OpenVINO cannot run the network.
    """

    def __init__(
        self,
        network: StoredNetwork,
        precision: Literal["f32", "bf16"] = "f32",
        *,
        int8: Collection[Kind] = (),
        weight_bits: int = 8,
        units: NDArray[np.float32] | None = None,
        trial: Callable[[OpenVinoEngine], bool] | None = None,
        threads: int | None = None,
    ) -> None:
        self.precision, self.weight_bits, self._units = precision, weight_bits, units
        self._int8, self._trial = frozenset(() if units is None else int8), trial
        self.threads = thread_budget() if threads is None else threads
        self._network, self._plan = network, network.plan
        self._any_size: dict[_Variant, Any] = {}
        self._one_size: OrderedDict[tuple[_Variant, int, int], Any] = OrderedDict()
        self._previous: tuple[_Variant, int, int] | None = None
        self._output_layer: tuple[StyleParameters, dict[str, NDArray[Any]]] | None = None
        self._steps_of: tuple[Ranges, _Steps] | None = None

    @property
    def int8(self) -> frozenset[Kind]:
        """The looks whose convolutions are computed in whole numbers."""
        if self._int8 and self._trial is not None:
            trial, self._trial = self._trial, None  # it paints with them itself
            if not trial(self):
                self._int8 = frozenset()
        return self._int8

    def paint(self, frame: NDArray[np.uint8], look: Look) -> NDArray[np.uint8]:
        """``uint8`` ``(H, W, 3)`` RGB, any size → a new array of the same, stylized at full strength."""
        if look.statistics is None and _is_of_one_colour(frame):
            look = look.calm  # its own variances would be those of rounding, and make a lattice of it
        kind: Kind = "live" if look.statistics is None else "frozen"
        variant = _Variant(kind, self._in_int8(kind, look))
        request = self._request(variant, frame.shape[0], frame.shape[1])
        # The graph writes into the result itself: nothing is copied, and no later call changes it.
        result = np.empty(frame.shape, np.uint8)
        request.set_output_tensor(0, openvino.Tensor(result, shared_memory=True))
        self._infer(request, self._norms(frame, look, variant) | self._output(look.parameters))
        return result

    def measure(self, frame: NDArray[np.uint8], look: Look) -> Statistics:
        """The statistics of the look's norms on ``frame``, to freeze other frames or tiles with.

        For int8 those of its own convolutions: what their rounding shifts is then taken out again.
        """
        variant = _Variant("measure", self._in_int8("frozen", look))
        request = self._request(variant)
        self._infer(request, self._norms(frame, look, variant))
        means, variances = (request.get_output_tensor(n).data.copy()[None] for n in (0, 1))
        return Statistics(means + self._steps(variant, look).shifts, variances)

    def _in_int8(self, kind: Kind, look: Look) -> bool:
        return look.ranges is not None and kind in self._int8 and kind in self.int8

    def _norms(self, frame: NDArray[np.uint8], look: Look, variant: _Variant) -> dict[str, NDArray[Any]]:
        """The frame, and what each norm multiplies by and adds: frozen statistics are folded into both."""
        gains, offsets = look.parameters[:2]
        steps = self._steps(variant, look)
        inputs = steps.inputs
        if variant.kind == "frozen" and look.statistics is not None:
            means, variances = look.statistics
            # The graph would round them, and what that does to a mean would go through every later layer.
            gains = self._rounded(steps.spans * gains / np.sqrt(variances + np.float32(self._plan.epsilon)))
            offsets = offsets - (means - steps.shifts) * gains / steps.spans
            inputs = {name: value for name, value in inputs.items() if name != "spans"}
        norms = {"gains": gains, "offsets": offsets}
        shaped = {name: value.reshape(1, -1, 1, 1) for name, value in norms.items()}
        return {"frame": np.ascontiguousarray(frame)} | shaped | inputs

    def _steps(self, variant: _Variant, look: Look) -> _Steps:
        """Computed anew for other ranges only."""
        ranges = look.ranges
        if not variant.int8 or ranges is None:
            return _Steps()
        if self._steps_of is None or self._steps_of[0] is not ranges:
            channels, outputs = self._plan.range_channels, self._plan.norm_channels
            gains = self._rounded(1 / (np.repeat(ranges.spans, channels, 1) * ranges.units))
            offsets = self._rounded(-ranges.centers * gains)
            inputs = {"spans": ranges.spans, "step_gains": gains, "step_offsets": offsets}
            inputs = {name: value.astype(np.float32).reshape(1, -1, 1, 1) for name, value in inputs.items()}
            centers = np.split(-offsets / gains, np.cumsum(channels)[:-1], 1)
            shifts = [center @ sums for center, sums in zip(centers, self._weight_sums, strict=True)]
            first = np.zeros((1, outputs[0]), np.float32)  # of the first convolution, which sees pixels
            spans = np.repeat(ranges.spans, outputs[1:], 1)
            whole = _Steps(inputs, *(np.concatenate(v, 1) for v in ((first + 1, spans), (first, *shifts))))
            self._steps_of = ranges, whole
        return self._steps_of[1]

    def _rounded(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the graphs make of ``values`` that they are given."""
        return as_bfloat16(values) if self.precision == "bf16" else values

    @functools.cached_property
    def _weight_sums(self) -> list[NDArray[np.float32]]:
        """Of each convolution but the first, ``(in, out)``: what a flat input comes to."""
        return [weight.sum((2, 3)).T for weight in self._network.weights.values()][1:]

    def _output(self, parameters: StyleParameters) -> dict[str, NDArray[Any]]:
        """The output layer, arranged anew for other parameters only."""
        if self._output_layer is None or self._output_layer[0] is not parameters:
            weight, bias = output_layer(self._plan.name, *(part[0] for part in parameters[2:]))
            self._output_layer = parameters, {"output_weight": weight, "output_bias": bias}
        return self._output_layer[1]

    @staticmethod
    def _infer(request: Any, inputs: dict[str, NDArray[Any]]) -> None:
        request.infer(inputs, share_inputs=True, share_outputs=True)

    def _request(self, variant: _Variant, height: int = 0, width: int = 0) -> Any:
        """What runs a graph on frames of a size; the size is of no matter to the ``measure`` graph."""
        size = (variant, height, width)
        repeated, self._previous = size == self._previous, size
        if size in self._one_size:
            self._one_size.move_to_end(size)
            return self._one_size[size]
        if repeated and variant.kind != "measure":
            while len(self._one_size) >= _SIZES:
                self._one_size.popitem(last=False)
            self._one_size[size] = self._compile(variant, [height, width, 3])
            return self._one_size[size]
        if variant not in self._any_size:
            self._any_size[variant] = self._compile(variant)
        return self._any_size[variant]

    def _compile(self, variant: _Variant, shape: list[int] | None = None) -> Any:
        units = self._units if variant.int8 else None
        model = build_graph(self._network, variant.kind, units, self.weight_bits)
        if shape:
            model.reshape({"frame": shape})
        options = {
            # Every one of these has a default that depends on the hardware or takes cores from others.
            "INFERENCE_PRECISION_HINT": "f32" if variant.kind == "measure" else self.precision,
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
            "CACHE_DIR": "",
        }
        return _core().compile_model(model, "CPU", options).create_infer_request()


def _is_of_one_colour(frame: NDArray[np.uint8]) -> bool:
    first = frame[0, 0]
    return bool((frame[0] == first).all() and (frame == first).all())  # the first row tells of most


@functools.cache
def _core() -> Any:
    return openvino.Core()
