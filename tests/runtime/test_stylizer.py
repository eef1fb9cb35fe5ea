"""The façade: frames of any size, looks, strength, colour, and what it refuses."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers import photo_pixels
from hypothesis import given, settings
from hypothesis import strategies as st

from style_transfer.errors import UserError
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.color import with_colors_of
from style_transfer.runtime.stylizer import Stylizer


@pytest.fixture(scope="module")
def model():
    model = StyleModel.create("fast", [Style("one"), Style("two")], width=4, blocks=1)
    with torch.no_grad():
        model.bank.output_weight.normal_(0, 0.3)
        model.bank.output_bias.normal_(0, 0.5)
    return model


@pytest.fixture(scope="module")
def stylize(model):
    return Stylizer(model, device="cpu", precision="fp32")


def noise(height=48, width=64):
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=40)
@given(st.integers(1, 70), st.integers(1, 70))
def test_every_size_comes_back_in_its_own_size(stylize, height, width):
    painted = stylize(noise(height, width))
    assert painted.shape == (height, width, 3)
    assert painted.dtype == np.uint8


def test_the_result_is_the_networks_rounded(stylize, model):
    frame = noise()
    x = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        y = model.network(x, *model.mix({"one": 1.0}))[0].permute(1, 2, 0).numpy() * 255
    error = stylize(frame).astype(float) - y
    assert np.abs(error).max() <= 0.51
    assert abs(error.mean()) < 0.05  # truncation would be 0.5 low


def test_strength_grows_evenly_from_the_photo_itself(stylize):
    frame = noise()
    looks = [stylize.make_look("one", strength=s) for s in (0.0, 0.25, 0.5, 0.75, 1.0)]
    results = [stylize(frame, look).astype(float) for look in looks]
    assert (results[0] == frame).all()
    for share, result in zip((0.25, 0.5, 0.75), results[1:4], strict=True):
        assert np.abs(result - (frame + share * (results[4] - frame))).max() <= 1


def test_strength_zero_passes_the_network(stylize, monkeypatch):
    monkeypatch.setattr(stylize.engine, "paint", lambda *_: pytest.fail("the network ran"))
    frame = noise()
    result = stylize(frame, stylize.make_look("one", strength=0))
    assert (result == frame).all()
    assert result is not frame


def test_preserved_colour_takes_luminance_from_the_painting_and_chroma_from_the_photo():
    frame = np.full((32, 32, 3), (180, 90, 60), np.uint8)
    painting = np.full((32, 32, 3), (90, 120, 140), np.uint8)
    mixed = with_colors_of(frame, painting)[0, 0].astype(float)
    luma = np.array([0.299, 0.587, 0.114])
    assert mixed @ luma == pytest.approx(np.array([90, 120, 140]) @ luma, abs=2)
    assert mixed[0] - mixed @ luma == pytest.approx(180 - np.array([180, 90, 60]) @ luma, abs=3)
    assert mixed[2] - mixed @ luma == pytest.approx(60 - np.array([180, 90, 60]) @ luma, abs=3)


def test_a_grey_photo_stays_grey_with_its_colours_kept(stylize):
    frame = np.repeat(noise()[..., :1], 3, axis=2)
    painted = stylize(frame, stylize.make_look("two", preserve_color=True)).astype(int)
    assert (painted.max(axis=2) - painted.min(axis=2)).max() <= 2
    assert painted.std() > 0


def test_set_style_changes_the_next_frame_and_nothing_else(model):
    stylize = Stylizer(model, "one", device="cpu", strength=0.5)
    frame = noise()
    first = stylize(frame)
    stylize.set_style({"two": 1.0})
    assert stylize.look.strength == 0.5
    assert (stylize(frame) != first).any()
    stylize.set_style("one")
    assert (stylize(frame) == first).all()


def test_a_new_style_does_not_take_over_the_former_ones_statistics(model):
    stylize, frame = Stylizer(model, "one", device="cpu", precision="fp32"), photo_pixels(48, 64)
    stylize.look = stylize.look.frozen(stylize.measure(frame, stylize.look))
    stylize.set_style("two")
    expected = Stylizer(model, "two", device="cpu", precision="fp32")(frame)
    assert np.abs(stylize(frame).astype(int) - expected).max() <= 1


def test_results_are_the_callers_own(stylize):
    first = stylize(noise())
    copy = first.copy()
    stylize(noise()[::-1].copy())
    assert (first == copy).all()


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_threads_take_turns(model, engine):
    stylizer = Stylizer(model, device="cpu", precision="fp32", engine=engine)
    photos = [photo_pixels(64, 80, seed) for seed in range(4)]
    for photo in photos[:1] * 2:  # the second of a size has a graph of its own
        stylizer(photo)
    alone = [stylizer(photo) for photo in photos]
    with ThreadPoolExecutor(4) as threads:
        for paintings in zip(*(threads.map(stylizer, [photo] * 25) for photo in photos), strict=True):
            for painting, expected in zip(paintings, alone, strict=True):
                assert np.array_equal(painting, expected)


def test_frames_that_are_not_contiguous_are_taken(stylize):
    frame = noise()
    assert (stylize(frame[:, ::-1]) == stylize(np.ascontiguousarray(frame[:, ::-1]))).all()


def test_the_model_given_is_left_alone(model):
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    Stylizer(model, device="cpu", precision="bf16")(noise())
    assert all((value == before[name]).all() for name, value in model.network.state_dict().items())
    assert next(model.network.parameters()).dtype == torch.float32


def test_bf16_is_near_fp32(model, stylize):
    frame = noise()
    rough = Stylizer(model, device="cpu", precision="bf16")(frame).astype(int)
    assert np.abs(rough - stylize(frame)).mean() < 2


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        [[1, 2, 3]],
    ],
)
def test_other_arrays_are_refused_with_what_is_wanted(stylize, frame):
    with pytest.raises(UserError, match="a frame"):
        stylize(frame)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"style": "tow"}, "did you mean 'two'"),
        ({"style": "one:0,two:0"}, "sum to nothing"),
        ({"style": "one:x"}, "not a number"),
        ({"style": {"one": -1.0}}, "0 or more"),
        ({"strength": 1.5}, "between 0 and 1"),
        ({"strength": float("nan")}, "between 0 and 1"),
        ({"device": "abacus"}, "unknown device"),
        ({"precision": "fp8"}, "unknown precision"),
        ({"precision": "fp16", "device": "cpu"}, "fp16 needs a GPU"),
    ],
)
def test_what_cannot_be_says_so(model, arguments, message):
    with pytest.raises(UserError, match=message):
        Stylizer(model, **arguments)


@pytest.mark.gpu
def test_cuda_agrees_with_the_cpu(model, stylize):
    frame = noise(120, 160)
    for precision, most in (("fp32", 1), ("fp16", 4)):
        painted = Stylizer(model, device="cuda", precision=precision)(frame).astype(int)
        assert np.quantile(np.abs(painted - stylize(frame)), 0.999) <= most
