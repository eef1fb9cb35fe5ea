"""Exported files paint what PyTorch paints, carry what they are, and are never half there."""

import json
import os
import zipfile

import numpy as np
import pytest
import torch
from helpers import make_model, photo_pixels, photo_tensor

from style_transfer.errors import ModelFileError, StyleTransferError, UserError
from style_transfer.export import export_onnx, export_package, export_pt2, load_pt2, pt2_file
from style_transfer.networks.catalogue import load_model, open_model
from style_transfer.networks.exported_file import COMPILED_ENTRY, MODEL_ENTRY, read_pt2
from style_transfer.networks.styles import Statistics
from style_transfer.runtime import toolchain
from style_transfer.runtime.stylizer import Stylizer

SIZES = [(16, 16), (17, 90), (70, 33), (128, 144)]


def session_of(path):
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    return runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def largest_difference(paint, model, look, statistics=()):
    differences = []
    for size in SIZES:
        image = photo_tensor(*size)
        with torch.no_grad():
            expected = model.network(image, *look, *statistics)
        painted = paint(image)
        assert painted.shape == expected.shape
        differences.append(np.abs(np.asarray(painted) - expected.numpy()).max())
    return max(differences)


@pytest.fixture(scope="module")
def model():
    return make_model()


@pytest.fixture(scope="module")
def all_styles(model, tmp_path_factory):
    pytest.importorskip("onnxscript")
    path = tmp_path_factory.mktemp("onnx") / "gallery.onnx"
    assert export_onnx(model, path, name="tiny") < 1e-4
    return path


@pytest.fixture(scope="module")
def archive(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("pt2") / "gallery.pt2"
    assert export_pt2(model, path) < 1e-5
    return path


def test_one_onnx_file_mixes_every_style_at_any_size(model, all_styles):
    session = session_of(all_styles)
    for weights in ([1, 0, 0], [0, 2, 6]):
        row = np.array([weights], np.float32)
        look = model.mix(dict(zip(model.style_names, weights, strict=True)))
        difference = largest_difference(
            lambda image, row=row: session.run(["painting"], {"image": image.numpy(), "weights": row})[0],
            model,
            look,
        )
        assert difference < 1e-4


def test_an_onnx_file_is_one_file_that_says_what_it_is(model, all_styles):
    onnx = pytest.importorskip("onnx")
    assert [path.name for path in all_styles.parent.iterdir()] == ["gallery.onnx"]
    proto = onnx.load(all_styles)
    onnx.checker.check_model(proto, full_check=True)
    assert [(o.domain, o.version) for o in proto.opset_import if o.domain == ""] == [("", 18)]
    for value in (proto.graph.input[0], proto.graph.output[0]):
        dimensions = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        assert dimensions == [1, 3, "height", "width"]
    assert [value.name for value in proto.graph.input] == ["image", "weights"]
    assert [value.name for value in proto.graph.output] == ["painting"]
    metadata = {item.key: item.value for item in proto.metadata_props}
    assert metadata["model"] == "tiny"
    assert json.loads(metadata["styles"]) == model.style_names
    assert json.loads(metadata["description"])["network"] == "fast"


def test_a_frozen_half_precision_onnx_file(model, tmp_path):
    pytest.importorskip("onnxscript")
    mix = {"great_wave": 0.6, "the_scream": 0.4}
    look = model.mix(mix)
    with torch.no_grad():
        statistics = model.network.measure(photo_tensor(90, 120, 3), look)
    path = tmp_path / "wave.onnx"
    export_onnx(model, path, mix, statistics=statistics, precision="fp16")
    session = session_of(path)
    difference = largest_difference(
        lambda image: session.run(None, {"image": image.numpy()})[0], model, look, statistics
    )
    assert 0 < difference < 0.02


def test_a_pt2_file_paints_any_look_and_brings_its_styles(model, archive):
    paint, loaded = load_pt2(archive)
    assert loaded.describe() == model.describe()
    mix = {"starry_night": 1, "the_scream": 3}
    for ours, theirs in zip(model.mix(mix), loaded.mix(mix), strict=True):
        assert torch.equal(ours, theirs)
    difference = largest_difference(
        lambda image: paint(image, *loaded.mix(mix)).detach(), model, model.mix(mix)
    )
    assert difference < 1e-5
    image = photo_tensor(20, 20)
    assert torch.equal(loaded.network(image, *loaded.mix(mix)), model.network(image, *model.mix(mix)))


def test_johnson_with_live_statistics_in_half_precision(tmp_path):
    pytest.importorskip("onnxscript")
    model = make_model("johnson")
    path = tmp_path / "wave.onnx"
    export_onnx(model, path, {"great_wave": 1}, precision="fp16")
    session = session_of(path)
    difference = largest_difference(
        lambda image: session.run(None, {"image": image.numpy()})[0], model, model.mix({"great_wave": 1})
    )
    assert 0 < difference < 0.03


def test_a_file_that_paints_otherwise_is_not_kept(model, archive, tmp_path, monkeypatch):
    def other(path):
        paint, loaded = load_pt2(path)
        return lambda image, *look: paint(image, *look) + 0.01, loaded

    monkeypatch.setattr(pt2_file, "load_pt2", other)
    # What is traced is no matter here, so it is not traced again.
    program = torch.export.load(archive)
    monkeypatch.setattr(torch.export, "export", lambda *_, **__: program)
    target = tmp_path / "x.pt2"
    target.write_text("before")
    with pytest.raises(StyleTransferError, match=r"not written: at 61x16 it differs from PyTorch by 0\.01"):
        export_pt2(model, target)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pt2"]
    assert target.read_text() == "before"


def test_without_the_extra_the_error_says_how_to_get_it(model, tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(UserError, match="needs the package onnxscript: pip install onnx onnxscript onnxr"):
        export_onnx(model, tmp_path / "x.onnx", {"great_wave": 1})


def test_requests_that_cannot_be_carried_out(model, tmp_path):
    with pytest.raises(UserError, match="precision fp32 or fp16, not 'int8'"):
        export_onnx(model, tmp_path / "x.onnx", precision="int8")
    with pytest.raises(UserError, match="belong to one mix"):
        export_onnx(model, tmp_path / "x.onnx", statistics=Statistics(torch.zeros(1, 1), torch.ones(1, 1)))
    assert not list(tmp_path.iterdir())


def test_files_that_are_none_of_ours_are_refused_before_torch_opens_them(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.export, "load", None)
    (tmp_path / "damaged.pt2").write_bytes(b"PK nothing")
    with zipfile.ZipFile(tmp_path / "foreign.pt2", "w") as foreign:
        foreign.writestr("model/data.pkl", b"anything")
    (tmp_path / "cut.pt2").write_bytes(archive.read_bytes()[:-4000])
    locked = bytearray(archive.read_bytes())
    entry = locked.index(b"PK\x01\x02")
    while entry >= 0:
        locked[entry + 8] |= 1  # as if encrypted
        entry = locked.find(b"PK\x01\x02", entry + 1)
    (tmp_path / "locked.pt2").write_bytes(locked)
    for name in ("damaged", "foreign", "missing", "cut", "locked"):
        for read in (load_pt2, read_pt2):
            with pytest.raises(ModelFileError, match=r"no \.pt2 file of this program") as caught:
                read(tmp_path / f"{name}.pt2")
            assert "NoneType" not in str(caught.value)


def test_a_pt2_file_whose_name_is_no_unicode_is_loaded(model, archive, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.pt2")
    path.write_bytes(archive.read_bytes())
    image, look = photo_tensor(20, 30), model.mix({"starry_night": 1})
    assert torch.equal(load_pt2(path)[0](image, *look), load_pt2(archive)[0](image, *look))


def test_a_pt2_file_is_read_without_running_any_of_it(model, archive, tmp_path, monkeypatch):
    """With a pickle in every other entry, which would fail the test if it were loaded."""
    pickled = b"cbuiltins\nexec\n(S'raise SystemExit(3)'\ntR."
    hostile = tmp_path / "hostile.pt2"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(hostile, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name) if name.endswith(MODEL_ENTRY) else pickled)
    monkeypatch.setattr(torch.export, "load", None)
    loaded = load_model(hostile)
    assert loaded.describe() == model.describe()
    weights = loaded.network.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in model.network.state_dict().items())


@pytest.mark.parametrize("bomb", [MODEL_ENTRY, COMPILED_ENTRY])
def test_what_might_grow_without_bounds_is_not_unpacked(archive, tmp_path, bomb):
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(tmp_path / "bomb.pt2", "w") as target:
        for name in source.namelist():
            if not name.endswith(bomb):
                target.writestr(name, source.read(name))
        target.writestr(f"x/{bomb}", b" " * 10_000, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match="is compressed"):
        read_pt2(tmp_path / "bomb.pt2")


@pytest.fixture
def compiled_by_hand(monkeypatch):
    """Instead of minutes with a compiler: what a package holds is painted by a network that was saved."""
    made = {}

    def compile_network(whole, inputs, stride):
        assert all(side % stride == 0 for side in inputs[0].shape[2:])
        return [whole]

    def package(path, files):
        made.update({name: graph for name, (graph,) in files.items()})
        with zipfile.ZipFile(path, "w") as written:
            written.writestr(f"{path.stem}/data/aotinductor/model/code.so", b"code")

    def load(path, name, *, run_single_threaded, device_index):
        assert run_single_threaded
        assert device_index == -1
        assert zipfile.is_zipfile(path)
        return made[name]

    monkeypatch.setattr(pt2_file, "check_compiler", lambda _: None)
    monkeypatch.setattr(pt2_file, "_compile", compile_network)
    monkeypatch.setattr(pt2_file, "_package", package)
    monkeypatch.setattr("torch._inductor.package.package.load_package", load)
    return made


def test_a_package_runs_in_the_front_door(model, compiled_by_hand, tmp_path, caplog):
    path = tmp_path / "gallery.pt2"
    assert export_package(model, path, torch.device("cpu")) < 1e-5
    assert set(compiled_by_hand) == {"model", "frozen"}
    caplog.clear()
    stylize = Stylizer(path, "the_scream", device="cpu")
    assert "only open .pt2 packages you trust" in caplog.text
    assert "compiled" in stylize.engine_reason
    plain = Stylizer(model, "the_scream", device="cpu", precision="fp32", engine="torch")
    calls = []
    for name, graph in compiled_by_hand.items():
        graph.register_forward_hook(lambda *_, name=name: calls.append(name))
    for size in ((48, 64), (33, 50), (1, 3)):
        frame = photo_pixels(*size)
        frozen = plain.look.frozen(plain.measure(frame, plain.look))
        for look in (plain.look, frozen):
            assert np.abs(stylize(frame, look).astype(int) - plain(frame, look)).max() <= 1
    assert set(calls) == {"model", "frozen"}  # and not the network beside it


@pytest.mark.usefixtures("compiled_by_hand")
def test_a_package_is_not_used_for_another_precision(model, tmp_path, caplog):
    path = tmp_path / "gallery.pt2"
    export_package(model, path, torch.device("cpu"), precision="fp16")
    caplog.clear()
    assert "compiled" not in Stylizer(path, device="cpu", precision="fp32").engine_reason
    assert "compiled in fp16: not used for fp32" in caplog.text
    assert "compiled" in Stylizer(path, device="cpu").engine_reason
    with pytest.raises(UserError, match="precision int8 takes"):
        Stylizer(path, device="cpu", precision="int8", engine="torch")


def test_a_package_for_another_device_runs_its_network(model, compiled_by_hand, tmp_path, caplog):
    path = tmp_path / "gallery.pt2"
    export_package(model, path, torch.device("cpu"))
    packaged = open_model(path)
    packaged.device_type = "cuda"
    compiled_by_hand.clear()
    caplog.clear()
    frame = photo_pixels(30, 40)
    assert (Stylizer(packaged, device="cpu")(frame) == Stylizer(model, device="cpu")(frame)).all()
    assert "compiled for cuda" in caplog.text
    packaged.device_type = "cpu"
    caplog.clear()
    assert (Stylizer(packaged, device="cpu")(frame) == Stylizer(model, device="cpu")(frame)).all()
    assert "does not run here" in caplog.text


def test_without_a_compiler_a_package_is_one_line(model, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"needs a C\+\+ compiler"):
        export_package(model, tmp_path / "x.pt2", torch.device("cpu"))
    monkeypatch.setattr(pt2_file, "check_compiler", lambda _: None)

    def fail(*_):
        raise RuntimeError("internal\ncompiler error")

    monkeypatch.setattr(pt2_file, "_compile", fail)
    with pytest.raises(StyleTransferError, match="compiling it failed \\(internal compiler error"):
        export_package(model, tmp_path / "x.pt2", torch.device("cpu"))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif("REQUIRE_COMPILER" not in os.environ, reason="takes a minute; REQUIRE_COMPILER=1 runs it")
def test_a_package_is_really_compiled(model, tmp_path):
    path = tmp_path / "gallery.pt2"
    assert export_package(model, path, torch.device("cpu")) < 1e-4
    frame = photo_pixels(50, 70)
    exact = Stylizer(model, device="cpu", precision="fp32")
    difference = Stylizer(path, device="cpu")(frame).astype(int) - exact(frame)
    assert np.abs(difference).max() <= 1
