"""The command ``style-transfer export``: what it asks of the library, what it refuses, how it ends."""

import zipfile
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from style_transfer import export
from style_transfer.cli import export as command
from style_transfer.cli.export import main
from style_transfer.networks.catalogue import load_model
from style_transfer.networks.exported_file import add_model
from style_transfer.runtime import toolchain


@pytest.fixture
def calls(monkeypatch):
    """What the library was asked to do; it is tested for itself."""
    asked = []

    def record(_model, path, mix=None, **options):
        asked.append((path.name, mix, options))
        return 2e-6

    monkeypatch.setattr(command, "check_onnx_packages", lambda: None)
    monkeypatch.setattr(command, "check_compiler", lambda _: None)
    monkeypatch.setattr(export, "export_onnx", record)
    monkeypatch.setattr(export, "export_pt2", record)
    monkeypatch.setattr(export, "export_package", record)
    return asked


def refused(capsys, *words):
    """The one line on stderr with which the command ends."""
    try:
        code = main([str(word) for word in words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_a_mix_for_onnx(model_file, calls, tmp_path, capsys):
    target = tmp_path / "wave.onnx"
    words = ["--style", "great_wave:3,the_scream:1", "--precision", "fp16"]
    assert main([str(model_file), *words, "-o", str(target)]) == 0
    name, mix, options = calls[0]
    assert (name, mix) == ("wave.onnx", {"great_wave": 3, "the_scream": 1})
    assert options == {"statistics": None, "precision": "fp16", "name": "small"}
    assert capsys.readouterr().out == f"{target}: largest difference from PyTorch 2.0e-06 of the range 0..1\n"


def test_the_first_style_all_styles_and_frozen_statistics(model_file, calls, tmp_path):
    photo = tmp_path / "photo.png"
    Image.linear_gradient("L").resize((40, 30)).save(photo)
    model, target = str(model_file), str(tmp_path / "x.onnx")
    assert main([model, "-o", target]) == 0
    assert main([model, "-o", target, "--all-styles"]) == 0
    assert main([model, "-o", target, "--statistics", "frozen", "--reference", str(photo)]) == 0
    assert [mix for _, mix, _ in calls] == [{"great_wave": 1}, None, {"great_wave": 1}]
    means, variances = calls[2][2]["statistics"]
    assert means.shape == variances.shape
    assert (variances > 0).any()


def test_a_pt2_file_from_end_to_end(model_file, tmp_path, capsys):
    target = tmp_path / "deep" / "gallery.pt2"
    assert main([str(model_file), "-o", str(target)]) == 0
    assert "largest difference" in capsys.readouterr().out
    _, model = export.load_pt2(target)
    assert model.style_names == ["great_wave", "starry_night", "the_scream"]


def test_a_package_for_a_device(model_file, calls, tmp_path):
    target = str(tmp_path / "x.pt2")
    assert main([str(model_file), "-o", target, "--package", "--device", "cpu", "--precision", "fp16"]) == 0
    assert calls == [("x.pt2", torch.device("cpu"), {"precision": "fp16"})]


def test_an_exported_model_is_exported_again_where_its_weights_are_there(model_file, tmp_path, calls, capsys):
    archive = tmp_path / "gallery.pt2"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("gallery/data", b"")
    add_model(archive, load_model(model_file))
    assert main([str(archive), "-o", str(tmp_path / "x.onnx")]) == 0
    assert calls[0][1] == {"great_wave": 1}
    (tmp_path / "gallery.onnx").write_bytes(b"any")
    capsys.readouterr()
    assert "it only paints" in refused(capsys, tmp_path / "gallery.onnx", "-o", tmp_path / "y.pt2")


def test_mistakes_are_one_line_and_leave_no_file(model_file, calls, tmp_path, capsys):
    target, archive = tmp_path / "x.onnx", tmp_path / "x.pt2"
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.onnx").mkdir()
    before = sorted(tmp_path.iterdir())
    assert "neither in .onnx nor in .pt2" in refused(capsys, model_file, "-o", "x.tflite")
    assert "there are: great_wave" in refused(capsys, model_file, "-o", target, "--style", "scream")
    assert "unknown model 'nothing'" in refused(capsys, "nothing", "-o", target)
    assert "cannot write" in refused(capsys, model_file, "-o", tmp_path / "file" / "x.onnx")
    assert "cannot write" in refused(capsys, model_file, "-o", tmp_path / "folder.onnx")
    assert "--style is for .onnx" in refused(capsys, model_file, "-o", archive, "--style", "great_wave")
    assert "go together" in refused(capsys, model_file, "-o", target, "--statistics", "frozen")
    assert "go together" in refused(capsys, model_file, "-o", target, "--reference", "a.jpg")
    frozen = ["--statistics", "frozen", "--reference", "a.jpg"]
    assert "one mix" in refused(capsys, model_file, "-o", target, "--all-styles", *frozen)
    assert "a.jpg" in refused(capsys, model_file, "-o", target, *frozen)
    assert "int8" in refused(capsys, model_file, "-o", target, "--precision", "int8")
    assert "--package makes a .pt2 file" in refused(capsys, model_file, "-o", target, "--package")
    assert "--device belongs to" in refused(capsys, model_file, "-o", archive, "--device", "cpu")
    packaged = [model_file, "-o", archive, "--package", "--device"]
    assert "unknown device" in refused(capsys, *packaged, "abacus")
    assert "required" in refused(capsys, model_file)
    (tmp_path / "file").rename(target)
    assert "x.onnx' exists; give another -o" in refused(capsys, model_file, "-o", target)
    target.rename(tmp_path / "file")
    assert not calls
    assert sorted(tmp_path.iterdir()) == before


def test_an_existing_file_is_replaced_when_asked(model_file, calls, tmp_path):
    (tmp_path / "x.onnx").write_text("in the way")
    assert main([str(model_file), "-o", str(tmp_path / "x.onnx"), "--overwrite"]) == 0
    assert len(calls) == 1


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_said_before_the_model_is_loaded(missing, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None if name == missing else name)
    assert f"needs the package {missing}: pip install" in refused(capsys, "none", "-o", tmp_path / "x.onnx")
    assert "unknown model" in refused(capsys, "none", "-o", tmp_path / "x.pt2")  # which takes none of them


@pytest.mark.parametrize(
    ("system", "there", "named", "lacking"),
    [
        ("linux", "g++", None, None),
        ("linux", "clang++", None, "g++"),  # PyTorch does not look for it
        ("darwin", "clang++", None, None),
        ("win32", "g++", None, "cl"),
        ("linux", "clang++", "clang++", None),
        ("linux", "ccache", "ccache g++", None),
        ("linux", "g++", "icpx", "icpx"),  # what CXX names is all that PyTorch tries
    ],
)
def test_a_missing_compiler_is_said_before_the_model_is_loaded(
    system, there, named, lacking, tmp_path, monkeypatch, capsys
):
    found = SimpleNamespace(which=lambda name: name if name == there else None)
    monkeypatch.setattr(toolchain, "sys", SimpleNamespace(platform=system))
    monkeypatch.setattr(toolchain, "shutil", found)
    monkeypatch.setenv("CXX", named) if named else monkeypatch.delenv("CXX", raising=False)
    said = refused(capsys, "none", "-o", tmp_path / "x.pt2", "--package")
    assert f"there is no '{lacking}'; install it" in said if lacking else "unknown model" in said
    assert "unknown model" in refused(capsys, "none", "-o", tmp_path / "y.pt2")
