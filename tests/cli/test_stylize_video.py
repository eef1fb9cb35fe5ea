"""Videos through the command: every frame and time, the sound, and how it ends."""

import os
from fractions import Fraction

import numpy as np
import pytest
import torch
from clips import contents, drift, make_clip
from helpers import make_model, photo_pixels, pressing_ctrl_c
from PIL import Image

from style_transfer.cli import video_job
from style_transfer.cli.stylize import main
from style_transfer.errors import UserError
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.reader import probe
from style_transfer.media.video.run import Summary
from style_transfer.networks.model_file import save_model
from style_transfer.runtime.threads import thread_budget


@pytest.fixture
def run(model_file):
    return lambda *words: main([*map(str, words), "--model", str(model_file), "--device", "cpu"])


def test_a_video_keeps_size_times_and_sound(run, tmp_path, capsys):
    source = tmp_path / "clip.mp4"
    make_clip(source, pts=[0, 1, 2, 5, 6, 9, 10, 11], sound="aac")
    assert run(source) == 0
    target = tmp_path / "clip_great_wave.mp4"
    assert capsys.readouterr().out == f"{target}\n"
    before, after = contents(source), contents(target)
    offset, spread = drift(before.times, after.times)
    assert abs(offset) < 0.001
    assert spread == 0
    assert after.packets["audio"]
    assert (probe(target).width, probe(target).height) == (64, 48)
    assert np.abs(after.pixels[0].astype(int) - before.pixels[0]).mean() > 5


def test_folders_may_mix_photos_and_videos(run, tmp_path):
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in" / "clip.mkv", pts=range(3))
    Image.new("RGB", (20, 20), "red").save(tmp_path / "in" / "photo.png")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    assert run(tmp_path / "in", "-o", tmp_path / "out") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.mkv", "photo.png"]


def test_a_video_that_breaks_off_is_painted_as_far_as_it_goes_and_counted(run, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    whole = make_clip(tmp_path / "in" / "whole.mkv", pts=range(30)).read_bytes()
    (tmp_path / "in" / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    assert run(tmp_path / "in" / "cut.mkv", "-o", tmp_path / "o.mkv") == 1
    assert "cut.mkv' is damaged or ends early" in capsys.readouterr().err
    assert 3 < len(contents(tmp_path / "o.mkv").times) < 30
    assert run(tmp_path / "in", "-o", tmp_path / "out") == 1
    assert "2 stylized (1 of them from damaged files)" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--stabilize", "2"), ("--start", "1e"), ("--codec", "vp10")])
def test_a_mistake_about_videos_is_said_before_a_photo_is_painted(run, tmp_path, words, capsys):
    Image.new("RGB", (24, 16)).save(tmp_path / "a.png")
    for name in ("b.mp4", "c.mp4"):
        make_clip(tmp_path / name, pts=range(2))
    assert (
        run(tmp_path / "a.png", tmp_path / "b.mp4", tmp_path / "c.mp4", "-o", tmp_path / "out", *words) == 2
    )
    assert capsys.readouterr().err.count(words[1]) == 1
    assert not (tmp_path / "out").exists()


def test_a_style_that_begins_after_the_end_is_said(run, tmp_path, capsys):
    source = make_clip(tmp_path / "clip.mp4", pts=range(12))
    assert run(source, "--style", "great_wave@0;great_wave@0.5;great_wave@9", "-o", tmp_path / "o.mp4") == 0
    assert capsys.readouterr().err.endswith("the style at 9 s did not come: the last frame is at 0.9 s\n")


def test_a_converters_flags(run, tmp_path):
    source = tmp_path / "clip.mp4"
    make_clip(source, pts=range(24), sound="aac")
    words = ["--start", "0.5", "--end", "0:01.5", "--no-audio", "--side-by-side", "--codec", "hevc"]
    assert run(source, "-o", tmp_path / "part.mp4", *words) == 0
    part = contents(tmp_path / "part.mp4")
    assert (part.width, part.height, part.codecs) == (128, 48, {"video": ["hevc"]})
    assert len(part.times) == 12


def test_every_flag_of_videos_arrives(run, tmp_path, monkeypatch):
    asked, film = {}, video_job.Film

    def made(stylizer, timeline, **flags):
        asked.update(flags, look=timeline.looks[0], transition=timeline.transition)
        return film(stylizer, timeline, **flags)

    def converted(_source, _target, _paint, options, **_flags):
        asked["options"] = options
        raise UserError("enough")

    monkeypatch.setattr(video_job, "Film", made)
    monkeypatch.setattr(video_job, "convert", converted)
    words = "--start 1 --end 9 --preview 2.5 --fps 30000/1001 --image-size 32 --codec hevc --crf 30"
    words += " --preset slow"
    look = "--strength 0.5 --preserve-color --paint-size 24 --stabilize 0.25 --statistics live --transition 3"
    assert run(make_clip(tmp_path / "clip.mp4", pts=range(2)), *words.split(), *look.split()) == 2
    assert asked.pop("options") == VideoOptions(
        start=Fraction(1), end=Fraction(9), preview=Fraction(5, 2), fps=Fraction(30_000, 1001), image_size=32,
        codec="hevc", crf=30, preset="slow", threads=thread_budget(),
    )  # fmt: skip
    shown = asked.pop("look")
    assert (shown.strength, shown.preserve_color) == (0.5, True)
    assert asked == {"steady": False, "stabilize": 0.25, "paint_size": 24, "transition": 3}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["clip.mp4", "--codec", "h265"], "unknown codec"),
        (["clip.mp4", "--fps", "fast"], "--fps"),
        (["clip.mp4", "--start", "soon"], "soon"),
        (["clip.mp4", "-o", "clip.gif"], ".mp4"),
        (["bad.mp4"], "bad.mp4"),
        (["clip.mp4", "-o", "clip.mp4"], "clip.mp4"),
        (["clip.mp4", "--stabilize", "2"], "--stabilize"),
        (["clip.mp4", "--transition", "-1"], "--transition"),
        (["clip.mp4", "--transition", "soon"], "--transition"),
        (["clip.mp4", "--style", "great_wave@0;the_scream"], "has no time"),
        (["clip.mp4", "--style", "great_wave@0;picasso@2"], "picasso"),
        (["clip_%d.png"], "clip_1.png"),
        (["clip.mp4", "-o", "out_%d.xyz"], "out_%d.xyz"),
    ],
)
def test_a_users_mistake_is_one_line_and_exit_code_2(run, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", pts=range(3))
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    assert run(*words) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.mp4", "clip.mp4"]


def test_an_output_below_a_file_is_one_line(run, tmp_path, capsys):
    clip = tmp_path / "in.mp4"
    make_clip(clip, pts=[0, 1, 2])
    assert run(clip, "-o", clip / "out.mp4") == 1
    assert "a file of that name is in the way" in capsys.readouterr().err


def test_styles_change_over_the_input_s_own_time(tmp_path, capsys):
    model = tmp_path / "two.safetensors"
    save_model(make_model("fast", 2), model)
    source = tmp_path / "clip.mp4"
    make_clip(source, pts=range(24))  # two seconds
    words = ["--model", str(model), "--device", "cpu", "--crf", "0", "--statistics", "live"]
    styles = ["--style", "great_wave@0;starry_night@1", "--transition", "0.5"]
    for name, more in {"first": [], "both": styles, "late": [*styles, "--start", "1.5"]}.items():
        assert main([str(source), "-o", str(tmp_path / f"{name}.mp4"), *words, *more]) == 0
    assert main([str(source), "-o", f"{tmp_path}/second.mp4", *words, "--style", "starry_night"]) == 0
    shown = {name: contents(tmp_path / f"{name}.mp4").pixels for name in ("first", "both", "late", "second")}

    def apart(one, other):
        return np.abs(one.astype(int) - other).mean()

    whole = apart(shown["first"][23], shown["second"][23])
    assert apart(shown["both"][11], shown["first"][11]) < 0.1 * whole
    assert 0.1 * whole < apart(shown["both"][15], shown["first"][15]) < whole
    assert apart(shown["both"][18], shown["second"][18]) < 0.1 * whole
    assert apart(shown["late"][0], shown["second"][18]) < 0.1 * whole
    photo = tmp_path / "photo.png"
    Image.new("RGB", (20, 20), "red").save(photo)
    capsys.readouterr()
    assert main([str(photo), *words, *styles]) == 2
    assert "photo.png' is a photo" in capsys.readouterr().err


def test_resuming_and_stabilizing(run, tmp_path, capsys):
    source = tmp_path / "clip.mp4"
    make_clip(source, pts=range(130), sound="aac")
    assert run(source, "--resume", "--stabilize", "0.5") == 0
    assert contents(tmp_path / "clip_great_wave.mp4").packets["audio"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "clip_great_wave.mp4"]
    capsys.readouterr()
    assert run(source, "--resume") == 0
    assert "exists already" in capsys.readouterr().err


def test_a_resumed_run_with_another_look_is_refused_in_a_line(run, tmp_path, monkeypatch, capsys):
    source = tmp_path / "clip.mp4"
    make_clip(source, pts=range(12))
    with monkeypatch.context() as patch:
        patch.setattr("style_transfer.media.video.resume.join", lambda *_, **__: 1 / 0)
        assert run(source, "--resume") == 1
    parts = tmp_path / "clip_great_wave.mp4.parts"
    assert f"what was painted so far is in '{parts}'" in capsys.readouterr().err
    assert run(source, "--resume", "--strength", "0.5") == 2
    err = capsys.readouterr().err
    assert err.startswith("error: cannot resume: --strength was 1.0, and is 0.5 now")
    assert err.count("\n") == 1
    assert run(source, "--resume") == 0
    assert len(contents(tmp_path / "clip_great_wave.mp4").times) == 12
    assert not parts.exists()


def test_a_rate_that_is_nearly_the_same_is_another(run, tmp_path, monkeypatch, capsys):
    source = tmp_path / "clip.mp4"
    make_clip(source, pts=range(12))
    with monkeypatch.context() as patch:
        patch.setattr("style_transfer.media.video.resume.join", lambda *_, **__: 1 / 0)
        assert run(source, "--resume", "--fps", "29.97") == 1
    capsys.readouterr()
    assert run(source, "--resume", "--fps", "30000/1001") == 2
    assert "--fps was 2997/100, and is 30000/1001 now" in capsys.readouterr().err


def test_an_image_sequence(run, tmp_path, capsys):
    for number in (3, 4, 6):
        Image.new("RGB", (24, 16), (40 * number, 90, 0)).save(tmp_path / f"f_{number:03}.png")
    assert run(tmp_path / "f_%03d.png", "-o", tmp_path / "out" / "g_%d.png") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["g_3.png", "g_4.png", "g_6.png"]
    assert "frames are missing" in capsys.readouterr().err
    assert run(tmp_path / "f_%03d.png", "-o", tmp_path / "film.mp4", "--fps", "5") == 0
    assert len(contents(tmp_path / "film.mp4").times) == 3
    assert run(tmp_path / "f_%03d.png", "-o", tmp_path / "x.mp4", "--resume") == 2
    assert run(tmp_path / "film.mp4", "-o", tmp_path / "out" / "h_%d.jpg") == 0
    assert (tmp_path / "out" / "h_3.jpg").exists()


def test_a_sequence_is_painted_anew_where_it_is_asked_for(run, tmp_path):
    Image.fromarray(photo_pixels(48, 64)).save(tmp_path / "f_1.png")
    sizes = []
    for more in (["--quality", 95], ["--quality", 10], ["--quality", 10, "--overwrite"]):
        assert run(tmp_path / "f_%d.png", "-o", tmp_path / "o_%d.jpg", *more) == 0
        sizes.append((tmp_path / "o_1.jpg").stat().st_size)
    assert sizes[0] == sizes[1]
    assert sizes[2] < 0.7 * sizes[0]


def test_a_style_that_was_trained_further_is_another(tmp_path, monkeypatch, capsys):
    model = make_model("fast", 1)
    words = [str(make_clip(tmp_path / "clip.mp4", pts=range(2))), "--model", f"{tmp_path}/m.safetensors"]
    with monkeypatch.context() as patch:
        patch.setattr("style_transfer.media.video.resume.join", lambda *_, **__: 1 / 0)
        save_model(model, tmp_path / "m.safetensors")
        assert main([*words, "--resume", "--device", "cpu"]) == 1
    with torch.no_grad():
        model.bank.shifts += 0.1
    save_model(model, tmp_path / "m.safetensors")
    assert main([*words, "--resume", "--device", "cpu"]) == 2
    assert "what the styles hold was" in capsys.readouterr().err


@pytest.mark.parametrize(("more", "hint"), [([], ""), (["--resume"], "; the same command goes on")])
def test_stopped_it_says_what_there_is_and_whether_it_goes_on(run, tmp_path, monkeypatch, capsys, more, hint):
    for name in ("convert", "convert_resumably"):
        monkeypatch.setattr(video_job, name, lambda *_, **__: Summary(tmp_path / "part", complete=False))
    assert run(make_clip(tmp_path / "clip.mp4", pts=range(2)), *more) == 130
    assert capsys.readouterr().err == f"what was painted so far is in '{tmp_path / 'part'}'{hint}\n"


def test_what_another_run_has_made_meanwhile_is_left_alone(run, tmp_path, monkeypatch, capsys):
    for name in ("a.mp4", "b.mp4"):
        make_clip(tmp_path / name, pts=range(2))
    theirs = tmp_path / "b_great_wave.mp4"
    convert = video_job.convert
    monkeypatch.setattr(
        video_job, "convert", lambda *words, **flags: theirs.write_text("theirs") and convert(*words, **flags)
    )
    assert run(tmp_path / "a.mp4", tmp_path / "b.mp4") == 0
    assert f"'{theirs}' exists by now; --overwrite replaces it" in capsys.readouterr().err
    assert theirs.read_text() == "theirs"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_a_playable_partial_file_and_exits_130(model_file, tmp_path):
    source = tmp_path / "clip.mp4"
    make_clip(source, size=(320, 240), pts=range(600))
    words = [source, "--model", model_file, "--engine", "torch", "--device", "cpu"]
    partial = tmp_path / "clip_great_wave.partial.mp4"
    code, _, err = pressing_ctrl_c("-m", "style_transfer", "stylize", *words, once=partial.exists)
    assert code == 130, err
    assert str(partial) in err
    assert not (tmp_path / "clip_great_wave.mp4").exists()
    assert 0 < len(contents(partial, pixels=False).times) < 600
