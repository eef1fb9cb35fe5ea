"""int8: ranges are measured, travel with the model, and paint nearly what float32 does."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_model, photo_pixels
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from style_transfer.errors import ModelFileError, UserError
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.model_file import HEADER, save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.runtime import device, engines, stylizer
from style_transfer.runtime.look import Look, blend
from style_transfer.runtime.openvino_engine import OpenVinoEngine
from style_transfer.runtime.quantize import measure_ranges
from style_transfer.runtime.stylizer import Stylizer

openvino = pytest.importorskip("openvino", reason="openvino is not installed")
PHOTOS = [photo_pixels(64, 80, seed) for seed in range(3)]


def prepared(network: str = "fast", **arguments: int) -> StyleModel:
    model = make_model(network, **arguments)
    with torch.no_grad():
        model.bank.output_weight -= 0.6 * model.bank.output_weight  # the output is not all black or white
    model.ranges = measure_ranges(model, PHOTOS)
    return model


@pytest.fixture(scope="module")
def ready() -> StyleModel:
    return prepared(width=16, blocks=2)


def frozen(stylize: Stylizer, look: Look, photo: np.ndarray = PHOTOS[0]) -> Look:
    return look.frozen(stylize.measure(photo, look))


@pytest.mark.parametrize("statistics", ["live", "frozen"])
@pytest.mark.parametrize(("network", "most"), [("fast", 2), ("johnson", 8)])
def test_the_picture_is_nearly_that_of_float32(
    network: str, most: float, statistics: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing has been learnt into the second model: it is rough.
    monkeypatch.setattr(engines, "_MOST_DIFFERENCE", 10)
    model = load_model() if network == "fast" else prepared(network, width=8)
    model.ranges = measure_ranges(model, PHOTOS)
    exact, whole = (Stylizer(model, device="cpu", precision=p) for p in ("fp32", "int8"))
    assert "int8 for looks with frozen and live" in whole.summary
    photo = photo_pixels(70, 90, seed=7)
    first, second = ("great_wave", "la_grande_jatte") if network == "fast" else model.style_names[1:3]
    for mix in (first, f"{first}:0.5,{second}:0.5"):
        look = whole.make_look(mix)
        # Each with its own statistics of the same picture: int8 takes out what its rounding shifts.
        looks = [frozen(s, look, photo) if statistics == "frozen" else look for s in (exact, whole)]
        expected = exact(photo, looks[0]).astype(int)
        difference = np.abs(whole(photo, looks[1]) - expected)
        assert 0 < difference.mean() < most
        assert np.quantile(difference, 0.999) < 10 * most
        assert expected.std() > 25  # or grey would pass as well


def test_its_convolutions_compute_in_whole_numbers(ready: StyleModel) -> None:
    stylize = Stylizer(ready, device="cpu", precision="int8")
    stylize(PHOTOS[0], frozen(stylize, stylize.look))
    (request,) = [r for v, r in stylize.engine._any_size.items() if v == ("frozen", True)]
    nodes = [node.get_rt_info() for node in request.get_compiled_model().get_runtime_model().get_ops()]
    kinds = [
        node["runtimePrecision"].astype(str)
        for node in nodes
        if node["layerType"].astype(str) == "Convolution"
    ]
    assert len(kinds) == 2 + 2 * 2 + 2 + 1
    # All but the last, whose weights are the look's.
    assert sum(kind in ("u8", "i8", "I8") for kind in kinds) == len(kinds) - 1, kinds


def test_another_look_compiles_nothing(ready: StyleModel, monkeypatch: pytest.MonkeyPatch) -> None:
    stylize = Stylizer(ready, device="cpu", precision="int8")
    for _ in range(2):
        first = stylize(PHOTOS[0])
    monkeypatch.setattr(stylize.engine, "_compile", lambda *_: pytest.fail("compiled"))
    stylize.set_style("the_scream")
    assert (stylize(PHOTOS[0]) != first).any()
    assert stylize.look.ranges is not None
    assert np.array_equal(stylize.look.ranges.spans[0], ready.ranges.spans[2])


@pytest.mark.parametrize("layer", ["down8", "up4"])  # one after a ReLU, one after a sum
def test_the_ranges_hold_the_numbers_that_enter(ready: StyleModel, layer: str) -> None:
    assert ready.ranges is not None
    convolutions = ready.network.plan.convolutions
    position = list(convolutions).index(layer) - 1
    begin = sum(c.inputs for c in list(convolutions.values())[1 : position + 1])
    part = slice(begin, begin + convolutions[layer].inputs)
    center, unit = ready.ranges.centers[1, part], ready.ranges.units[part]
    low, high = (center + sign * ready.ranges.spans[1, position] * unit for sign in (-1, 1))
    seen = []
    module = ready.network.get_submodule(layer)
    handle = module.register_forward_pre_hook(
        lambda _, args: seen.append(torch.aminmax(args[0][0].flatten(1), dim=1))
    )
    with torch.no_grad():
        for photo in PHOTOS:
            x = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255
            ready.network(x, *ready.mix({"starry_night": 1}))
    handle.remove()
    least, most = (torch.stack(ends).mean(0) for ends in zip(*seen, strict=True))
    assert (low <= least).all()
    assert (high >= most).all()
    # The widest channel, in its units, has the headroom and no more.
    widest = ((most - (least + most) / 2 if layer == "up4" else most) / unit).max()
    assert ready.ranges.spans[1, position].item() == pytest.approx(1.4 * widest.item(), rel=1e-4)
    assert bool(center.any()) == (layer == "up4")
    with pytest.raises(ValueError, match="photos"):
        measure_ranges(ready, [])


def test_units_even_out_channels_of_different_size(ready: StyleModel) -> None:
    model = StyleModel.of(ready.stored())
    with torch.no_grad():  # one channel a hundred times as large, and weights that make up for it
        model.bank.scales[:, 3] *= 100
        model.bank.shifts[:, 3] *= 100
        model.network.down8.conv.weight[:, 3] /= 100
        model.network.up2.conv.weight[:, 3] /= 100
    before, after = measure_ranges(ready, PHOTOS), measure_ranges(model, PHOTOS)
    torch.testing.assert_close(after.spans[:, 0] / before.spans[:, 0], torch.ones(3), rtol=0.5, atol=0)
    assert after.units[3] / before.units[3] > 50
    # Who joins other styles takes theirs.
    assert torch.equal(measure_ranges(model, PHOTOS, units=before.units).units, before.units)


@pytest.mark.parametrize("network", ["fast", "johnson"])
def test_what_the_centers_shift_is_taken_out_of_the_means(network: str) -> None:
    model = prepared(network, width=16)
    assert model.ranges is not None
    assert (model.ranges.centers.abs() > 0.1).any()
    exact, whole = (
        OpenVinoEngine(model.stored().network, **o)
        for o in ({}, {"int8": ["frozen"], "units": model.stored().ranges.units})
    )
    look = Look(model.stored().mix({"great_wave": 1}), ranges=model.stored().mix_ranges({"great_wave": 1}))
    ours, theirs = (engine.measure(PHOTOS[0], look) for engine in (whole, exact))
    off = np.abs(ours.means - theirs.means) / np.sqrt(theirs.variances + 1e-3)
    assert 0 < off.max() < 0.1


def test_a_mix_has_ranges_between(ready: StyleModel) -> None:
    stored = ready.stored()
    mixed = stored.mix_ranges({"great_wave": 1, "starry_night": 3})
    assert stored.ranges is not None
    for part, found in zip(stored.ranges[:2], mixed[:2], strict=True):
        np.testing.assert_allclose(found, (part[:1] + 3 * part[1:2]) / 4, rtol=1e-5)
    assert np.array_equal(mixed.units, stored.ranges.units)
    looks = [
        Look(stored.mix({name: 1}), ranges=stored.mix_ranges({name: 1})) for name in stored.style_names[:2]
    ]
    for part, found in zip(mixed, blend(*looks, 0.75).ranges, strict=True):
        np.testing.assert_allclose(found, part, rtol=1e-5)
    assert blend(looks[0], replace(looks[1], ranges=None), 0.5).ranges is None


def test_they_travel_in_the_model_file(ready: StyleModel, tmp_path: Path) -> None:
    save_model(ready, tmp_path / "m.safetensors")
    ranges = load_model(tmp_path / "m.safetensors").ranges
    assert ranges is not None
    assert ready.ranges is not None
    torch.testing.assert_close(tuple(ranges), tuple(ready.ranges), rtol=1e-3, atol=0)
    save_model(make_model(), tmp_path / "old.safetensors")
    assert load_model(tmp_path / "old.safetensors").ranges is None


@pytest.mark.parametrize("name", ["centers", "spans", "units"])
@pytest.mark.parametrize("wrong", ["shape", "nan", "zero", "missing"])
def test_wrong_ranges_are_refused(ready: StyleModel, name: str, wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(ready, path)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    tensors = load_file(path)
    value = tensors.pop(f"int8.{name}")
    if wrong != "missing":
        bad = {"shape": value[..., 1:], "nan": value * torch.nan, "zero": value * 0}[wrong]
        tensors[f"int8.{name}"] = bad.contiguous()
    save_file(tensors, path, {HEADER: header[HEADER]})
    if (name, wrong) == ("centers", "zero"):
        load_model(path)
        return
    with pytest.raises(ModelFileError, match=name if wrong == "missing" else "int8"):
        load_model(path)


def test_what_an_older_version_measured_is_left_out(ready: StyleModel, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(ready, path)
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    kept = {k: v for k, v in load_file(path).items() if not k.startswith("int8.")}
    save_file(kept | {"ranges": torch.ones(3, 7)}, path, {HEADER: header[HEADER]})
    assert load_model(path).ranges is None


def test_auto_is_int8_only_where_the_hardware_is_made_for_it(
    ready: StyleModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for fast, model, expected in [(False, ready, []), (True, ready, ["frozen"]), (True, make_model(), [])]:
        monkeypatch.setattr(stylizer, "has_fast_int8", lambda _, fast=fast: fast)
        assert sorted(Stylizer(model, device="cpu").engine.int8) == expected
    assert Stylizer(ready, device="cpu", precision="fp32").engine.int8 == frozenset()


def test_a_cpu_that_saturates_is_noticed(
    ready: StyleModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "has_fast_bf16", lambda _: False)
    monkeypatch.setattr(engines, "_MOST_DIFFERENCE", 0.2)  # float32 passes, int8 does not
    with caplog.at_level(logging.WARNING, "style_transfer"):
        stylize = Stylizer(ready, device="cpu", precision="int8")
    assert stylize.engine.int8 == frozenset()
    assert "int8 failed" in stylize.summary
    (record,) = caplog.records
    assert "of 255 off" in record.getMessage()


def test_where_frozen_looks_alone_want_it_it_is_tried_when_one_does(
    ready: StyleModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stylizer, "has_fast_int8", lambda _: True)
    monkeypatch.setattr(device, "has_fast_bf16", lambda _: False)
    monkeypatch.setattr(engines, "_MOST_DIFFERENCE", 0.2)
    tried = []
    works = engines._int8_works
    monkeypatch.setattr(engines, "_int8_works", lambda *args: tried.append(1) or works(*args))
    stylize = Stylizer(ready, device="cpu", precision="auto")
    assert "int8 for looks with frozen statistics" in stylize.summary
    stylize(PHOTOS[0])
    assert not tried
    assert not caplog.records
    look = frozen(stylize, stylize.look)
    assert tried == [1]
    assert "int8 does not work here" in caplog.text
    stylize(PHOTOS[0], look)
    assert tried == [1]
    assert not stylize.frozen_is_much_faster
    assert not any(variant.int8 for variant in stylize.engine._any_size if variant.kind == "live")


@pytest.mark.parametrize(
    ("arguments", "message"), [({"engine": "torch"}, "--engine openvino"), ({}, "style-transfer quantize")]
)
def test_where_it_cannot_be_a_line_says_what_to_do(arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Stylizer(make_model(), device="cpu", precision="int8", **arguments)
