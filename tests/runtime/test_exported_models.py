"""Exported files in the front door: what they paint, what they know of themselves, what they refuse."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import STYLES, make_model, photo_pixels

from style_transfer.cli.info import main as info
from style_transfer.cli.stylize import main as stylize_command
from style_transfer.errors import ModelFileError, UnknownNameError, UserError
from style_transfer.export import export_onnx
from style_transfer.media.image import Picture, read_image
from style_transfer.media.image_writer import write_image
from style_transfer.networks.catalogue import load_model, open_model
from style_transfer.networks.exported_file import OnnxModel
from style_transfer.runtime.margin import paint_with_margin
from style_transfer.runtime.steady import Steady
from style_transfer.runtime.stylizer import Stylizer

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(scope="module")
def plain(model):
    return Stylizer(model, device="cpu", precision="fp32", engine="torch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def gallery(model, folder):
    """Every style, mixed live."""
    export_onnx(model, folder / "gallery.onnx", name="tiny")
    return folder / "gallery.onnx"


@pytest.fixture(scope="module")
def frozen(model, plain, folder):
    """One mix, with the statistics of a photo."""
    mix = {"great_wave": 3.0, "the_scream": 1.0}
    statistics = plain.measure(photo_pixels(90, 120, 3), plain.make_look(mix))
    export_onnx(model, folder / "frozen.onnx", mix, statistics=statistics, name="tiny")
    return folder / "frozen.onnx", plain.make_look(mix).frozen(statistics)


def difference(ours, theirs):
    return np.abs(ours.astype(int) - theirs).max()


def test_an_onnx_file_paints_what_the_model_does(gallery, plain):
    stylize = Stylizer(gallery, device="cpu")
    assert "onnxruntime" in stylize.summary
    for size in ((48, 64), (37, 90), (5, 20), (1, 1)):
        frame = photo_pixels(*size)
        for style in ("great_wave", "starry_night:1,the_scream:3"):
            looks = [paint.make_look(style) for paint in (stylize, plain)]
            assert difference(stylize(frame, looks[0]), plain(frame, looks[1])) <= 1
    frame = photo_pixels(48, 64)
    for options in ({"strength": 0.4}, {"preserve_color": True}):
        looks = [paint.make_look("the_scream", **options) for paint in (stylize, plain)]
        assert difference(stylize(frame, looks[0]), plain(frame, looks[1])) <= 2


def test_one_mix_is_one_style(frozen, plain):
    path, look = frozen
    stylize = Stylizer(path, device="cpu")
    assert stylize.model.style_names == ["great_wave+the_scream"]
    assert stylize.model.styles[0].title == "great_wave:3,the_scream:1"
    frame = photo_pixels(60, 80)
    assert difference(stylize(frame), plain(frame, look)) <= 1
    with pytest.raises(UnknownNameError, match=r"there are: great_wave\+the_scream"):
        stylize.set_style("starry_night")


def test_frozen_files_paint_in_tiles_and_live_ones_do_not(frozen, gallery):
    stylize = Stylizer(frozen[0], device="cpu")
    frame = photo_pixels(150, 170)
    assert difference(stylize.paint_tiled(frame, side=64), stylize(frame)) <= 1
    with pytest.raises(UserError, match="--statistics frozen"):
        Stylizer(gallery, device="cpu").paint_tiled(frame, side=64)


def test_films_and_fades_run(gallery, plain):
    stylize = Stylizer(gallery, device="cpu")
    steady = Steady(stylize)
    for seed in range(3):
        frame = photo_pixels(40, 56, seed)
        assert difference(stylize(frame, steady.follow(frame, [stylize.look])), plain(frame)) <= 1
    first, second = (stylize.make_look(name) for name in STYLES[:2])
    mix = plain.make_look({STYLES[0]: 0.75, STYLES[1]: 0.25})
    assert difference(stylize(frame, steady.follow(frame, [first, second], 0.25)), plain(frame, mix)) <= 1


def test_what_a_file_says_of_itself(gallery, frozen, capsys):
    assert stylize_command(["--list-styles", "--model", str(gallery)]) == 0
    assert capsys.readouterr().out.split() == list(STYLES[:3])
    assert info([str(frozen[0])]) == 0
    assert "exported as ONNX in fp32, frozen statistics" in capsys.readouterr().out
    assert info([str(gallery), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["network"] == "fast"
    assert about["statistics"] == "live"


def test_the_command_paints_with_it(gallery, folder, plain, capsys):
    photo = folder / "photo.png"
    frame = photo_pixels(50, 70)
    write_image(Picture([frame]), photo)
    words = [str(photo), "--model", str(gallery), "--device", "cpu", "-o", str(folder / "out.png")]
    assert stylize_command(words) == 0
    expected = paint_with_margin(plain, frame, plain.look)
    assert difference(read_image(folder / "out.png").frames[0], expected) <= 1
    capsys.readouterr()
    assert stylize_command([*words, "--overwrite", "--style", "mona_lisa"]) == 2
    assert "unknown style 'mona_lisa'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "torch"}, "runs in ONNX Runtime"),
        ({"compiled": True}, "runs in ONNX Runtime"),
        ({"precision": "fp16"}, "is in fp32"),
        ({"device": "mps"}, "not (available|run)"),
    ],
)
def test_what_an_onnx_file_has_not(gallery, options, message):
    with pytest.raises(UserError, match=message):
        Stylizer(gallery, **options)


def test_an_onnx_file_is_no_model_to_train_or_export(gallery):
    with pytest.raises(UserError, match="name the model that it was made of"):
        load_model(gallery)


def test_files_that_are_none_of_ours(gallery, folder):
    import onnx

    proto = onnx.load(gallery)
    del proto.metadata_props[:]
    onnx.save(proto, folder / "foreign.onnx")
    (folder / "damaged.onnx").write_bytes(gallery.read_bytes()[:5000])
    proto = onnx.load(gallery)
    for entry in proto.metadata_props:
        entry.value = '{"nobody": 1.0}' if entry.key == "mix" else entry.value
    onnx.save(proto, folder / "stranger.onnx")
    for name in ("foreign", "damaged", "stranger"):
        with pytest.raises(ModelFileError) as caught:
            open_model(folder / f"{name}.onnx")
        assert "\n" not in str(caught.value)
        assert f"{name}.onnx" in str(caught.value)


def test_its_shape_is_the_networks(gallery, model):
    exported = open_model(gallery)
    assert isinstance(exported, OnnxModel)
    assert exported.network.plan == model.network.plan
    assert not exported.network.weights
