"""The command: what it writes, what it prints, and how it fails."""

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import photo_pixels, pressing_ctrl_c
from PIL import Image

from style_transfer.cli import photo_batch
from style_transfer.cli.stylize import main
from style_transfer.errors import UserError
from style_transfer.media.image import read_image
from style_transfer.networks.model_file import save_model
from style_transfer.networks.style_model import StyleModel
from style_transfer.networks.styles import Style
from style_transfer.runtime.margin import MARGIN
from style_transfer.runtime.stylizer import Stylizer


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    model = StyleModel.create("fast", [Style("wave", "The Wave"), Style("scream")], width=4, blocks=1)
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_model(model, path)
    return path


@pytest.fixture
def run(model_file):
    return lambda *words: main([*map(str, words), "--model", str(model_file), "--device", "cpu"])


def photo(path, size=(40, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(noise).save(path, **options)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.array(image.convert("RGBA"))


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_one_photo_gets_its_painting_beside_it(run, tmp_path, capsys):
    source = photo(tmp_path / "cat.jpg")
    assert run(source) == 0
    target = tmp_path / "cat_wave.jpg"
    assert capsys.readouterr().out == f"{target}\n"
    assert pixels(target).shape == (30, 40, 4)


def test_a_mix_names_the_file_and_exact_outputs_are_exact(run, tmp_path):
    source = photo(tmp_path / "cat.jpg")
    assert run(source, "--style", "wave:0.6,scream:0.4") == 0
    assert run(source, "--style", "scream", "-o", tmp_path / "deep" / "x.png") == 0
    assert files(tmp_path) == ["cat.jpg", "cat_wave-scream.jpg", "deep/x.png"]


def test_a_large_photo_is_told_of_small_strokes_once(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("style_transfer.cli.photo_batch._LARGE_STROKES_END", 1500)
    sources = [photo(tmp_path / name, size=(50, 40)) for name in ("a.png", "b.png")]
    assert run(*sources) == 0
    assert capsys.readouterr().err.count("--paint-size 1600 makes them larger") == 1
    for flag in ("--image-size", "--paint-size"):
        assert run(*sources, flag, "48", "--overwrite") == 0
        assert "strokes" not in capsys.readouterr().err


def test_a_painting_enlarged_to_the_photos_size(run, tmp_path):
    source = photo(tmp_path / "a.png", size=(96, 64))
    assert run(source, "--paint-size", 48, "-o", tmp_path / "large.png", "--strength", 0.5) == 0
    assert run(source, "--image-size", 48, "-o", tmp_path / "small.png") == 0
    assert pixels(tmp_path / "large.png").shape == (64, 96, 4)
    with Image.open(tmp_path / "small.png") as small, Image.open(source) as whole:
        expected = Image.blend(small.convert("RGB").resize((96, 64), Image.Resampling.BICUBIC), whole, 0.5)
    difference = np.abs(pixels(tmp_path / "large.png")[..., :3].astype(int) - np.asarray(expected))
    assert difference.mean() < 12
    assert run(source, "--paint-size", 500, "-o", tmp_path / "same.png") == 0
    assert run(source, "-o", tmp_path / "plain.png") == 0
    assert (pixels(tmp_path / "same.png") == pixels(tmp_path / "plain.png")).all()


def test_a_grey_photo_whose_colours_are_kept_stays_grey(run, tmp_path):
    source = tmp_path / "grey.png"
    Image.fromarray(photo_pixels(30, 40)).convert("L").save(source)
    assert run(source, "-o", tmp_path / "plain.png") == 0
    assert run(source, "--preserve-color", "-o", tmp_path / "grey_too.png") == 0
    plain, kept = (np.ptp(pixels(tmp_path / name)[..., :3], axis=2) for name in ("plain.png", "grey_too.png"))
    assert kept.max() <= 2 < plain.max()


def test_quality_is_the_files(run, tmp_path):
    source = photo(tmp_path / "a.png")
    for quality in (20, 90):
        assert run(source, "--quality", quality, "-o", tmp_path / f"{quality}.jpg") == 0
    assert (tmp_path / "20.jpg").stat().st_size < 0.7 * (tmp_path / "90.jpg").stat().st_size


def test_colours_that_nobody_sees_paint_nothing(run, tmp_path):
    seen = photo_pixels(30, 40)
    alpha = np.zeros((30, 40, 1), np.uint8)
    alpha[10:20, 10:30] = 255
    for name, hidden in (("a.png", 0), ("b.png", 255)):
        rgb = np.where(alpha > 0, seen, np.uint8(hidden))
        Image.fromarray(np.concatenate([rgb, alpha], 2)).save(tmp_path / name)
        assert run(tmp_path / name) == 0
    assert (pixels(tmp_path / "a_wave.png") == pixels(tmp_path / "b_wave.png")).all()


def test_flags_of_videos_are_not_passed_over_in_silence(run, tmp_path, capsys):
    source = photo(tmp_path / "a.jpg")
    assert run(source, "--side-by-side", "--stabilize", 0.5) == 0
    assert "--stabilize, --side-by-side: for videos, and there is none here" in capsys.readouterr().err
    assert run(source, "--overwrite") == 0
    assert capsys.readouterr().err == ""


def test_what_its_format_cannot_hold_is_not_painted_first(run, tmp_path, capsys, monkeypatch):
    source = photo(tmp_path / "a.png", size=(16390, 16))
    monkeypatch.setattr(photo_batch.PhotoBatch, "_paint", lambda *_: pytest.fail("painted"))
    assert run(source, "--format", "webp") == 2
    assert "at most 16383 pixels" in capsys.readouterr().err


def test_several_inputs_make_no_folder_named_as_a_picture(run, tmp_path, capsys):
    sources = [photo(tmp_path / "a.png"), photo(tmp_path / "b.png")]
    assert run(*sources, "-o", tmp_path / "result.png") == 2
    assert "'result.png' is the name of one file" in capsys.readouterr().err.replace(f"{tmp_path}/", "")


def test_an_animation_is_painted_as_a_film(run, tmp_path):
    frames = [Image.fromarray(photo_pixels(30, 40) // 4 * 3 + shade) for shade in (0, 20)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=40)
    painted = {}
    for statistics in ("frozen", "live"):
        target = tmp_path / f"{statistics}.png"
        assert run(tmp_path / "a.png", "-o", target, "--statistics", statistics, "--precision", "fp32") == 0
        painted[statistics] = np.array(read_image(target).frames, int)
    difference = np.abs(painted["frozen"] - painted["live"])
    assert difference[0].max() <= 1
    assert difference[1].max() > 1  # the first frame's statistics, nearly


def test_an_animation_that_becomes_a_still_is_painted_once_and_told(run, tmp_path, monkeypatch, capsys):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    paint, painted = Stylizer.__call__, []

    def count(self, frame, *words, **more):
        painted.append(frame)
        return paint(self, frame, *words, **more)

    monkeypatch.setattr(Stylizer, "__call__", count)
    assert run(tmp_path / "a.gif", "-o", tmp_path / "a.png") == 0
    assert capsys.readouterr().err == ""
    assert len(painted) == 3
    assert run(tmp_path / "a.gif", "-o", tmp_path / "a.jpg") == 0
    assert f"'{tmp_path / 'a.jpg'}' holds the first of 3 pictures" in capsys.readouterr().err
    assert len(painted) == 4


def test_a_photo_that_an_engine_cannot_paint_stops_nothing(run, tmp_path, capsys, monkeypatch):
    for name in ("a", "b", "c"):
        photo(tmp_path / "in" / f"{name}.jpg", size=(41, 30) if name == "b" else (40, 30))
    paint = Stylizer.__call__

    def refuse(self, frame, *words, **more):
        if frame.shape[1] == 41 + 2 * MARGIN:
            raise MemoryError
        return paint(self, frame, *words, **more)

    monkeypatch.setattr(Stylizer, "__call__", refuse)
    assert run(tmp_path / "in", "-o", tmp_path / "out") == 1
    assert "this photo cannot be painted (out of memory); try --image-size" in capsys.readouterr().err
    assert files(tmp_path / "out") == ["a.jpg", "c.jpg"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8:strict"])
def test_a_name_that_stdout_cannot_say_stops_nothing(model_file, tmp_path, encoding):
    names = (os.fsencode("日本.jpg"), b"caf\xe9.jpg", b"z.jpg")
    sources = [str(photo(tmp_path / "in" / os.fsdecode(name))) for name in names]
    words = [*sources, "-o", str(tmp_path / "out"), "--model", str(model_file), "--device", "cpu"]
    command = [sys.executable, "-m", "style_transfer", "stylize", *words]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(files(tmp_path / "out")) == len(done.stdout.splitlines()) == 3


def test_a_name_too_long_stops_nothing(run, tmp_path, capsys):
    for name in ("a", "n" * 251, "z"):
        photo(tmp_path / "in" / f"{name}.jpg")
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--format", "png") == 0
    assert len(files(tmp_path / "out")) == 3
    sources = [tmp_path / "in" / f"{name}.jpg" for name in ("n" * 251, "z")]
    assert run(*sources) == 1
    assert "the name is too long; choose a shorter one" in capsys.readouterr().err
    assert (tmp_path / "in" / "z_wave.jpg").exists()


def test_a_folder_is_mirrored_and_existing_results_are_skipped(run, tmp_path, capsys):
    for name in ("a.jpg", "deep/b.png", "deep/deeper/c.webp"):
        photo(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    out = tmp_path / "out"
    assert run(tmp_path / "in", "-o", out) == 0
    assert files(out) == ["a.jpg", "deep/b.png", "deep/deeper/c.webp"]
    before = (out / "a.jpg").stat().st_mtime_ns
    (out / "deep" / "b.png").unlink()
    printed = capsys.readouterr()
    assert printed.out == ""  # of thousands nobody wants the names
    assert "--overwrite" not in printed.err
    assert run(tmp_path / "in", "-o", out) == 0
    assert "1 stylized, 2 skipped" in (told := capsys.readouterr().err)
    assert told.endswith("; --overwrite paints what exists anew\n")
    assert (out / "a.jpg").stat().st_mtime_ns == before
    assert run(tmp_path / "in", "-o", out, "--overwrite") == 0
    assert (out / "a.jpg").stat().st_mtime_ns > before


def test_one_bad_file_stops_nothing_and_is_named(run, tmp_path, capsys):
    photo(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "b.jpg").write_text("not an image")
    photo(tmp_path / "in" / "c.jpg")
    assert run(tmp_path / "in", "-o", tmp_path / "out") == 1
    captured = capsys.readouterr()
    assert files(tmp_path / "out") == ["a.jpg", "c.jpg"]
    assert [line for line in captured.err.splitlines() if line.startswith("error:")] == [
        line for line in captured.err.splitlines() if "b.jpg" in line
    ]


def test_one_photo_that_cannot_be_painted_stops_nothing(run, tmp_path, monkeypatch, capsys):
    for number in range(4):
        photo(tmp_path / "in" / f"{number}.jpg", size=(40 + number, 30))
    paint = Stylizer.__call__

    def refuse(self, frame, *words, **flags):
        if frame.shape[1] == 41 + 2 * MARGIN:
            raise UserError("this one is too large")
        return paint(self, frame, *words, **flags)

    monkeypatch.setattr(Stylizer, "__call__", refuse)
    for _ in range(2):  # also when only the bad one is left
        assert run(tmp_path / "in", "-o", tmp_path / "out") == 1
        assert f"error: '{tmp_path / 'in' / '1.jpg'}': this one is too large" in capsys.readouterr().err
        assert files(tmp_path / "out") == ["0.jpg", "2.jpg", "3.jpg"]


def test_size_format_and_strength(run, tmp_path):
    source = photo(tmp_path / "cat.png")
    assert run(source, "--image-size", 20, "--strength", 0, "--format", "webp") == 0
    assert pixels(tmp_path / "cat_wave.webp").shape == (15, 20, 4)
    assert run(source, "--strength", 0, "-o", tmp_path / "same.png") == 0
    assert (pixels(tmp_path / "same.png") == pixels(source)).all()


def test_animations_stay_animated_and_transparency_stays(run, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (3, 24, 24, 3), np.uint8)
    frames = [Image.fromarray(frame) for frame in noise]
    frames[0].save(tmp_path / "move.gif", save_all=True, append_images=frames[1:], duration=70)
    Image.new("RGBA", (9, 7), (200, 10, 10, 99)).save(tmp_path / "glass.png")
    assert run(tmp_path / "move.gif", tmp_path / "glass.png", "-o", tmp_path / "out") == 0
    with Image.open(tmp_path / "out" / "move_wave.gif") as animation:
        assert animation.n_frames == 3
    assert (pixels(tmp_path / "out" / "glass_wave.png")[..., 3] == 99).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.jpg"], "missing.jpg"),
        (["cat.jpg", "--style", "wavy"], "did you mean 'wave'"),
        (["cat.jpg", "--style", "wave:0"], "sum to nothing"),
        (["cat.jpg", "--strength", "2"], "--strength must be between 0 and 1"),
        (["cat.jpg", "-o", "-"], "no file"),
        (["cat.jpg", "--format", "bmpp"], "unknown format"),
        (["cat.jpg", "--quality", "0"], "1 to 100"),
        (["cat.jpg", "--image-size", "0"], "1 or more"),
        (["cat.jpg", "-o", "cat.jpg"], "cat.jpg"),
        (["cat.jpg", "--max-megapixels", "0.001"], "--max-megapixels"),
        (["folder"], "-o"),
        (["folder", "-o", "folder/out"], "outside"),
        (["empty", "-o", "out"], "empty"),
        (["text.jpg"], "text.jpg"),
        (["cut.jpg"], "cut.jpg"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(run, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    photo(tmp_path / "cat.jpg")
    photo(tmp_path / "folder" / "x.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("hello")
    whole = photo(tmp_path / "whole.jpg", (200, 200)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    before = files(tmp_path)
    assert run(*words) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert files(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x02}q\x00."])
@pytest.mark.parametrize("name", ["bad.safetensors", "bad.pth"])
def test_damaged_models_are_refused(tmp_path, capsys, name, content):
    (tmp_path / name).write_bytes(content)
    assert main([str(photo(tmp_path / "cat.jpg")), "--model", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_full_disk_stops_the_run_with_exit_code_1(run, tmp_path, monkeypatch, capsys):
    for i in range(4):
        photo(tmp_path / "in" / f"{i}.jpg")

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert run(tmp_path / "in", "-o", tmp_path / "out") == 1
    err = capsys.readouterr().err
    assert "disk is full" in err
    assert files(tmp_path / "out") == []


def test_lists(run, capsys):
    assert run("--list-styles") == 0
    assert capsys.readouterr().out == "wave (The Wave)\nscream\n"


def test_help_is_quick_because_nothing_slow_is_imported():
    code = (
        "import sys\n"
        "from style_transfer.cli.stylize import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'torch', 'torchvision', 'numpy', 'PIL', 'cv2', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(', '.join(slow) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--preserve-color" in done.stdout


def test_stylizing_does_not_import_torchvision(model_file, tmp_path):
    source = photo(tmp_path / "cat.jpg")
    code = (
        "import sys\nfrom style_transfer.cli.stylize import main\n"
        f"code = main([{str(source)!r}, '--model', {str(model_file)!r}])\n"
        "sys.exit(code or ('torchvision' in sys.modules) or ('matplotlib' in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_whole_files_only_and_exits_130(model_file, tmp_path):
    for i in range(40):
        photo(tmp_path / "in" / f"{i:02}.png", (500, 500))
    words = ["stylize", tmp_path / "in", "-o", tmp_path / "out", "--model", model_file]
    code, _, err = pressing_ctrl_c("-m", "style_transfer", *words, once=lambda: files(tmp_path / "out"))
    assert code == 130, err
    written = files(tmp_path / "out")
    assert 0 < len(written) < 40
    for name in written:
        assert pixels(tmp_path / "out" / name).shape == (500, 500, 4)
