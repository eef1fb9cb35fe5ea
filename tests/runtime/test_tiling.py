"""Tiles cover a picture exactly once, on the network's grid, and join without a seam."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from helpers import ROOT, make_model, photo_pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.scaled import reduced
from style_transfer.runtime.stylizer import Stylizer
from style_transfer.runtime.tiling import sampled, tiles


@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 6), st.integers(0, 5))
def test_cores_cover_every_pixel_once_and_views_lie_on_the_grid(height, width, side, margin):
    stride = 8
    painted = np.zeros((height, width), int)
    for view, core in tiles(height, width, side * stride, margin * stride):
        assert view[0].start % stride == 0
        assert view[1].start % stride == 0
        painted[view][core] += 1
    assert (painted == 1).all()


@pytest.mark.parametrize("network", ["fast", "johnson"])
def test_tiled_and_untiled_agree_with_the_same_statistics(network):
    model = StyleModel.create(network, [Style("a")], width=8)
    with torch.no_grad():  # a strong output layer, so that a seam would show
        model.bank.output_weight *= 8
    stylize = Stylizer(model, device="cpu", precision="fp32")
    frame = np.random.default_rng(0).integers(0, 256, (301, 419, 3), np.uint8)
    look = stylize.look.frozen(stylize.engine.measure(frame, stylize.look))
    whole = stylize(frame, look).astype(int)
    tiled = stylize.paint_tiled(frame, look, side=96).astype(int)
    assert whole.std() > 20
    assert np.abs(whole - tiled).max() <= 1


def test_in_tiles_strength_and_colours_are_those_of_the_look():
    stylize = Stylizer(make_model(), device="cpu", precision="fp32", strength=0.4, preserve_color=True)
    frame = photo_pixels(60, 150)
    look = stylize.look.frozen(stylize.measure(frame, stylize.look))
    whole = stylize(frame, look).astype(int)
    assert np.abs(whole - stylize.paint_tiled(frame, look, side=64)).max() <= 1


def test_a_margin_that_is_too_small_would_be_noticed():
    model = StyleModel.create("fast", [Style("a")], width=8)
    with torch.no_grad():
        model.bank.output_weight *= 8
    stylize = Stylizer(model, device="cpu", precision="fp32")
    frame = np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8)
    look = stylize.look.frozen(stylize.engine.measure(frame, stylize.look))
    whole = stylize(frame, look).astype(int)
    network = stylize.model.network
    stylize.model.network = replace(network, plan=replace(network.plan, reach=8))
    assert np.abs(whole - stylize.paint_tiled(frame, look, side=96).astype(int)).max() > 1


def test_a_frame_too_large_for_memory_is_tiled_and_reports_progress(monkeypatch):
    stylize = Stylizer(StyleModel.create("fast", [Style("a")], width=4), device="cpu")
    frame = np.random.default_rng(0).integers(0, 256, (1030, 1030, 3), np.uint8)
    monkeypatch.setattr("style_transfer.runtime.stylizer.working_memory", lambda _device: 1)
    done = []
    painted = stylize(frame, progress=done.append)
    assert painted.shape == frame.shape
    assert done == [0.25, 0.5, 0.75, 1.0]


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(70_000, 400_000))
def test_samples_are_parts_of_the_picture_up_to_its_edges(height, width, pixels):
    rows, columns = np.arange(height, dtype=np.int16), np.arange(width, dtype=np.int16)
    places = np.stack(np.broadcast_arrays(rows[:, None], columns, np.int16(0)), axis=2)
    parts = sampled(places, pixels)
    if height * width <= pixels:
        assert parts is places
        return
    assert parts.shape[0] * parts.shape[1] <= 2 * pixels
    assert (parts[0, 0, :2] == 0).all()
    assert parts[-1, -1, 0] == height - 1 or parts.shape[0] < 512
    assert parts[-1, -1, 1] == width - 1 or parts.shape[1] < 512
    steps = np.diff(parts[..., 0].astype(int), axis=0)
    assert (steps == 1).mean() > 0.9 or parts.shape[0] < 256


def test_a_large_picture_is_painted_as_boldly_in_tiles(monkeypatch):
    """With the statistics of the picture reduced, strokes would lose a quarter of their contrast."""
    monkeypatch.setattr("style_transfer.runtime.stylizer._REFERENCE_PIXELS", 400_000)
    stylize = Stylizer("gallery-fast", device="cpu", precision="fp32")
    coffee = np.asarray(Image.open(ROOT / "assets" / "photos" / "coffee.jpg"))
    frame = cv2.resize(coffee, (1500, 1000), interpolation=cv2.INTER_CUBIC)
    shrunk = stylize.look.frozen(stylize.engine.measure(reduced(frame, 400_000), stylize.look))
    whole, tiled, timid = (
        np.abs(np.diff(painted.astype(int), axis=1)).mean()
        for painted in (stylize(frame), stylize.paint_tiled(frame), stylize.paint_tiled(frame, shrunk))
    )
    assert tiled == pytest.approx(whole, rel=0.25)
    assert abs(tiled - whole) < 0.8 * abs(timid - whole)


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(1, 300))
def test_reduced_keeps_the_shape_and_the_mean(height, width):
    frame = np.full((height, width, 3), 77, np.uint8)
    small = reduced(frame, 1000)
    assert small.shape[0] * small.shape[1] <= max(1100, height + width)
    assert (small == 77).all()
