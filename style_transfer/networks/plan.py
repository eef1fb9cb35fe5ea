"""What there is to know of a network beside its weights. No PyTorch: painting on a CPU does without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from style_transfer.errors import UserError

# Added to a channel's variance (inputs are 0..1, so sensor noise is about 1e-5): without it the norms would
# blow up what is flat. It is no guard against grain in a flat picture, which trained layers enlarge first.
NORM_EPSILON = 1e-3


class Convolution(NamedTuple):
    """A convolution without bias: a norm follows."""

    inputs: int  #: channels
    outputs: int
    kernel: int = 3


@dataclass(frozen=True)
class Plan:
    """A network's shape and sizes.

    ``name``                     of the architecture.
    ``arguments``                what the plan was made of, as it is written into a model file.
    ``convolutions``             by name, in order of use; a norm follows each. The output convolution,
                                 which belongs to the styles, is not among them.
    ``output_shape``             of a style's output convolution: ``(3, features, k, k)``.
    ``stride``                   the factor between the input and the smallest feature map.
    ``reach``                    how far, in input pixels and rounded up to a multiple of the stride, an input
                                 pixel can influence the output when the statistics are frozen.
    ``working_bytes_per_pixel``  what a float32 pass takes at its peak, measured.
    ``epsilon``                  what the norms add to a variance.
    ``output``                   "sigmoid" bounds the output smoothly; "clamp" is for foreign weights with a
                                 linear output.
    """

    name: str
    arguments: dict[str, Any]
    convolutions: dict[str, Convolution]
    output_shape: tuple[int, int, int, int]
    stride: int
    reach: int
    working_bytes_per_pixel: int
    epsilon: float
    output: str = "sigmoid"

    @property
    def norm_channels(self) -> tuple[int, ...]:
        return tuple(convolution.outputs for convolution in self.convolutions.values())

    @property
    def signed(self) -> frozenset[str]:
        """The convolutions that numbers below 0 enter, residual sums. The others follow a ReLU."""
        names = list(self.convolutions)
        first = [name for name in names if name.endswith(".first")]
        after = names[names.index(first[-1]) + 2]
        return frozenset([*first[1:], after])

    @property
    def range_channels(self) -> tuple[int, ...]:
        """What enters each convolution that :class:`Ranges` speak of: all but the first."""
        return tuple(convolution.inputs for convolution in self.convolutions.values())[1:]

    @property
    def residual_blocks(self) -> int:
        return sum(name.startswith("residuals.") for name in self.convolutions) // 2

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """The state dictionary of the network, by its names."""
        return {
            f"{name}.conv.weight": (outputs, inputs, kernel, kernel)
            for name, (inputs, outputs, kernel) in self.convolutions.items()
        }

    def parameter_shapes(self, styles: int) -> tuple[tuple[int, ...], ...]:
        """The shapes of the :class:`StyleParameters` of ``styles`` styles."""
        channels = sum(self.norm_channels)
        return (styles, channels), (styles, channels), (styles, *self.output_shape), (styles, 3)

    def ranges_shapes(self, styles: int) -> tuple[tuple[int, ...], ...]:
        """The shapes of the :class:`Ranges` of ``styles`` styles."""
        channels = self.range_channels
        return (styles, sum(channels)), (styles, len(channels)), (sum(channels),)


def fast_plan(width: int = 48, blocks: int = 2, *, epsilon: float = NORM_EPSILON) -> Plan:
    """Of the small network, see :class:`FastNetwork`. Raises ``UserError`` for what cannot be."""
    _check_count("width", width, 256)
    _check_count("number of blocks", blocks, 32)
    a, b, c = max(1, width // 3), width, 2 * width
    return Plan(
        name="fast",
        arguments={"width": width, "blocks": blocks, "epsilon": _check_epsilon(epsilon)},
        convolutions={
            "down4": Convolution(48, b),
            "down8": Convolution(b, c),
            **_residuals(blocks, c),
            "up4": Convolution(c, b),
            "up2": Convolution(b, a),
        },
        output_shape=(3, a, 3, 3),
        stride=8,
        # In input pixels: 4 + 4 going down, 16 in each residual block, 4 + 2 + 2 coming up; up to 7 more,
        # depending on where a pixel falls in the grid of strides.
        reach=16 * blocks + 24,
        working_bytes_per_pixel=4 * width,
        epsilon=epsilon,
    )


def johnson_plan(width: int = 32, *, epsilon: float = NORM_EPSILON, output: str = "sigmoid") -> Plan:
    """Of the paper's network, see :class:`JohnsonNetwork`. Raises ``UserError`` for what cannot be."""
    _check_count("width", width, 256)
    if output not in ("sigmoid", "clamp"):
        raise UserError(f"the network's output must be sigmoid or clamp, not {output}")
    a, b, c = width, 2 * width, 4 * width
    return Plan(
        name="johnson",
        arguments={"width": width, "epsilon": _check_epsilon(epsilon), "output": output},
        convolutions={
            "encoder.0": Convolution(3, a, 9),
            "encoder.1": Convolution(a, b),
            "encoder.2": Convolution(b, c),
            **_residuals(5, c),
            "decoder.0": Convolution(c, b),
            "decoder.1": Convolution(b, a),
        },
        output_shape=(3, a, 9, 9),
        stride=4,
        # In input pixels: 4 for each 9×9, 1 + 2 going down, 10 × 4 in the residual blocks, 2 + 1 coming up;
        # up to 3 more, depending on where a pixel falls in the grid of strides.
        reach=60,
        working_bytes_per_pixel=24 * width,
        epsilon=epsilon,
        output=output,
    )


#: By the name of the architecture: the arguments in a model file → the plan.
PLANS: dict[str, Callable[..., Plan]] = {"fast": fast_plan, "johnson": johnson_plan}


def _residuals(blocks: int, channels: int) -> dict[str, Convolution]:
    names = (f"residuals.{block}.{part}" for block in range(blocks) for part in ("first", "second"))
    return {name: Convolution(channels, channels) for name in names}


def _check_count(name: str, value: int, most: int) -> None:
    """An integer from 1 to ``most``; a stranger's file must not make us build a giant."""
    if type(value) is not int or not 1 <= value <= most:
        raise UserError(f"the network's {name} must be a whole number from 1 to {most}, not {value}")


def _check_epsilon(value: float) -> float:
    """``value`` if it can keep a norm's divisor from 0."""
    if type(value) is not float or not 0 < value < 1:
        raise UserError(f"the network's epsilon must be a number between 0 and 1, not {value}")
    return value
