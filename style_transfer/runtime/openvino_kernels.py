"""Kernels of the networks as the OpenVINO graphs take them: several pixels painted at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

#: Rows and columns that the last convolution of a network paints at a time.
BLOCKS = {"fast": (2, 2), "johnson": (4, 4)}

# Nearest upsampling by 2, then three taps, is two taps on the original pixels: _TAPS[phase, tap, kernel].
_TAPS = np.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], np.float32)


def output_layer(network: str, weight: Array, bias: Array) -> tuple[Array, Array]:
    """A look's output convolution, ``(3, F, k, k)`` and ``(3,)``, as the graph takes it."""
    if network == "fast":
        blocks = blocks_of(weight)
        return blocks, np.tile(bias, 4)[None]
    rows, columns = BLOCKS[network]
    kernel = weight.shape[-1]
    blocks = np.zeros((rows, columns, *weight.shape[:2], kernel + rows - 1, kernel + columns - 1), np.float32)
    for row, column in np.ndindex(rows, columns):
        blocks[row, column, ..., row : row + kernel, column : column + kernel] = weight
    blocks = blocks.reshape(-1, *blocks.shape[3:])
    return np.ascontiguousarray(blocks), np.tile(bias, len(blocks) // 3)[None]


def blocks_of(weight: Array) -> Array:
    """``(out, in, 3, 3)`` after nearest upsampling by 2 → ``(4 out, in, 2, 2)`` before it.

    Four times the channels: 2×2 pixels, rows first. The block that is computed at a pixel lies half a block
    above and left of it.
    """
    blocks = np.einsum("apk,bql,oikl->aboipq", _TAPS[::-1], _TAPS[::-1], weight)
    return np.ascontiguousarray(blocks.reshape(-1, weight.shape[1], 2, 2))


def as_bfloat16(values: Array) -> Array:
    """float32 numbers rounded to those that bfloat16 has, ties to even; for finite ones."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded: Array = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return rounded
