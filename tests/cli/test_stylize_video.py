"""Videos through the command: every frame and time, the sound, and how it ends."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from clips import contents, drift, make_clip
from helpers import make_model
from PIL import Image

from style_transfer.cli.stylize import main
from style_transfer.media.video.convert import probe
from style_transfer.networks.model_file import save_model


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "small.safetensors"
    save_model(make_model("fast", 1), path)
    return path


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
    assert probe(target).has_audio
    assert (probe(target).width, probe(target).height) == (64, 48)
    assert np.abs(after.pixels[0].astype(int) - before.pixels[0]).mean() > 5


def test_folders_may_mix_photos_and_videos(run, tmp_path):
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in" / "clip.mkv", pts=range(3))
    Image.new("RGB", (20, 20), "red").save(tmp_path / "in" / "photo.png")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    assert run(tmp_path / "in", "-o", tmp_path / "out") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip.mkv", "photo.png"]


def test_a_converters_flags(run, tmp_path):
    source = tmp_path / "clip.mp4"
    make_clip(source, pts=range(24), sound="aac")
    words = ["--start", "0.5", "--end", "0:01.5", "--no-audio", "--side-by-side", "--codec", "hevc"]
    assert run(source, "-o", tmp_path / "part.mp4", *words) == 0
    info = probe(tmp_path / "part.mp4")
    assert (info.width, info.height, info.codec, info.has_audio) == (128, 48, "hevc", False)
    assert len(contents(tmp_path / "part.mp4").times) == 12


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["clip.mp4", "--codec", "h265"], "unknown codec"),
        (["clip.mp4", "--fps", "fast"], "--fps"),
        (["clip.mp4", "--start", "soon"], "soon"),
        (["clip.mp4", "-o", "clip.gif"], ".mp4"),
        (["bad.mp4"], "bad.mp4"),
        (["clip.mp4", "-o", "clip.mp4"], "clip.mp4"),
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


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_a_playable_partial_file_and_exits_130(model_file, tmp_path):
    source = tmp_path / "clip.mp4"
    make_clip(source, size=(320, 240), pts=range(600))
    words = [source, "--model", model_file, "--engine", "torch", "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-m", "style_transfer", "stylize", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
    )
    partial = tmp_path / "clip_great_wave.partial.mp4"
    deadline = time.monotonic() + 120
    while not partial.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert str(partial) in err
    assert not (tmp_path / "clip_great_wave.mp4").exists()
    assert 0 < len(contents(partial, pixels=False).times) < 600
