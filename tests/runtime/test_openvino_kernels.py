"""Numbers and kernels as the OpenVINO graphs take them."""

from __future__ import annotations

import numpy as np
import torch

from style_transfer.runtime.openvino_kernels import as_bfloat16


def test_bfloat16_is_rounded_as_torch_rounds_it() -> None:
    rng = np.random.default_rng(0)
    values = (rng.normal(size=5000) * 10.0 ** rng.integers(-30, 30, 5000)).astype(np.float32)
    ties = np.array([0x3F808000, 0x3F818000, 0xBF808000, 0x3F808001], np.uint32).view(np.float32)
    values = np.concatenate([values, ties, np.float32([0, -0.0, 1, 255, 1 / 3])])
    assert np.array_equal(as_bfloat16(values), torch.from_numpy(values).bfloat16().float().numpy())


def test_bfloat16_of_views() -> None:
    values = np.linspace(-3, 3, 40, dtype=np.float32).reshape(5, 8)
    assert np.array_equal(as_bfloat16(values[:, ::2]), as_bfloat16(values)[:, ::2])
