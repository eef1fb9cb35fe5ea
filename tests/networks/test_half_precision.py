"""Frozen norms in half precision: as exact as their inputs, whatever their means are."""

from __future__ import annotations

import pytest
import torch

from style_transfer.networks.layers import Norms


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_mean_far_above_the_deviation_costs_nothing(dtype):
    channels = 5
    x = (60 + torch.randn(1, channels, 20, 24)).to(dtype).to(memory_format=torch.channels_last)
    scale, shift = 1 + 0.3 * torch.randn(1, channels), torch.randn(1, channels)
    exact = x.double()
    variance, mean = torch.var_mean(exact, dim=(2, 3), correction=0)
    gain = scale * (variance + 1e-3).rsqrt()
    expected = (exact - mean[..., None, None]) * gain[..., None, None] + shift[..., None, None]
    result = Norms(scale, shift, mean.float(), variance.float())(x)
    assert result.dtype == dtype
    assert result.is_contiguous(memory_format=torch.channels_last)
    error = (result.double() - expected).abs() / (expected.abs() + 1)
    assert error.max() < torch.finfo(dtype).eps
