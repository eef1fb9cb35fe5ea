"""Interrupted runs that go on: the same frames and times, whatever happened in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import QUICK, contents, make_clip

from style_transfer.errors import InputFileError, UserError
from style_transfer.media.video import resume
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.reader import probe
from style_transfer.media.video.resume import convert_resumably, forget, parts_path
from style_transfer.media.video.run import Summary

SETTINGS = {"--style": "udnie"}


class Trail:
    """Paints each frame over what is left of those before it, so that a lost state shows."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.shown: np.ndarray | None = None
        self.painted, self.dies_after = 0, dies_after

    def __call__(self, frame: Frame) -> Frame:
        self.painted += 1
        if self.dies_after is not None and self.painted > self.dies_after:
            raise KeyboardInterrupt
        before = frame.pixels if self.shown is None else self.shown
        self.shown = (frame.pixels // 2 + before // 2).astype(np.uint8)
        return replace(frame, pixels=self.shown)

    def state(self) -> Mapping[str, np.ndarray]:
        return {} if self.shown is None else {"shown": self.shown}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        self.shown = state.get("shown")


def run(
    source: Path, target: Path, options: VideoOptions = QUICK, dies_after: int | None = None, **more: Any
) -> tuple[Summary, int]:
    painter = Trail(dies_after)
    arguments = {"settings": SETTINGS, "segment_frames": 7} | more
    return convert_resumably(source, target, painter, options, **arguments), painter.painted


def begun(folder: Path) -> tuple[Path, Path]:
    """A clip of twenty frames and its result, of which nine are painted."""
    source, target = make_clip(folder / "in.mp4", pts=range(20)), folder / "o.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(source, target, dies_after=9)
    return source, target


def interrupted(source: Path, target: Path, *after: int, options: VideoOptions = QUICK) -> int:
    """Run it, stopped after so many frames each time, to its end; how many frames the last run painted."""
    for frames in after:
        with pytest.raises(KeyboardInterrupt):
            run(source, target, options, frames)
        assert not target.exists()
    return run(source, target, options)[1]


def same(a: Path, b: Path) -> bool:
    one, other = contents(a), contents(b)
    assert one.times == other.times
    assert one.packets == other.packets
    return all((p == q).all() for p, q in zip(one.pixels, other.pixels, strict=True))


VARIABLE = [123_457 + 3003 * n + (n * n % 7) * 400 + 40_000 * (n > 14) for n in range(40)]


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_going_on_leaves_no_trace(tmp_path: Path, target: str) -> None:
    options = {"preset": "ultrafast", "bf": "2", "g": "12"}
    source = make_clip(
        tmp_path / "in.mp4", pts=VARIABLE, time_base=Fraction(1, 90_000), options=options, sound="aac"
    )
    quick = replace(QUICK, preset="superfast")  # with B-frames
    whole, resumed = tmp_path / f"whole_{target}", tmp_path / target
    assert run(source, whole, quick)[0].frames == 40
    assert interrupted(source, resumed, 9, 3, 25, options=quick) == 40 - 7 - 21
    assert same(whole, resumed)
    before = contents(source, pixels=False)
    offsets = [a - b for a, b in zip(contents(resumed).times, before.times, strict=True)]
    assert max(abs(offset - offsets[0]) for offset in offsets) <= (target == "out.mkv") * Fraction(1, 1000)
    assert contents(resumed).packets["audio"] == before.packets["audio"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["in.mp4", target, f"whole_{target}"])


def test_at_a_constant_rate_from_a_start_and_beside_the_input(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", pts=range(40), options={"preset": "ultrafast", "g": "9"})
    for name, options in {
        "rate": replace(QUICK, fps=Fraction(17), start=Fraction(1, 2), end=Fraction(3)),
        "beside": replace(QUICK, side_by_side=True),
    }.items():
        run(source, tmp_path / f"{name}.mp4", options)
        interrupted(source, tmp_path / f"{name}_again.mp4", 17, options=options)
        assert same(tmp_path / f"{name}.mp4", tmp_path / f"{name}_again.mp4")


@pytest.mark.parametrize(("codec", "target"), [("hevc", "o.mp4"), ("av1", "o.mp4"), ("vp9", "o.webm")])
def test_other_codecs(tmp_path: Path, codec: str, target: str) -> None:
    source = make_clip(tmp_path / "in.mp4", size=(96, 64), pts=range(10))
    options = VideoOptions(codec=codec, threads=1)
    run(source, tmp_path / f"whole_{target}", options)
    assert interrupted(source, tmp_path / target, 8, options=options) == 3
    assert same(tmp_path / f"whole_{target}", tmp_path / target)
    if codec == "hevc":
        assert contents(tmp_path / target).codec_tag == "hvc1"


@pytest.mark.parametrize("name", ["o.mkv", "o.webm", "o.mp4"])
def test_the_rate_that_is_stated_is_the_inputs(tmp_path: Path, name: str) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(0, 20 * 512, 512), time_base=Fraction(1, 12 * 512))
    run(source, tmp_path / name, VideoOptions(threads=1))
    with av.open(str(tmp_path / name)) as file:
        stream = file.streams.video[0]
        assert stream.average_rate == probe(source).fps
        assert "Handler" not in " ".join(stream.metadata.values()) or name.endswith("mp4")


def test_the_tags_of_the_video_itself_are_kept(tmp_path: Path) -> None:
    plain, source = make_clip(tmp_path / "plain.mkv", pts=range(9)), tmp_path / "in.mkv"
    with av.open(str(plain)) as file, av.open(str(source), "w") as output:
        copy = output.add_stream_from_template(file.streams.video[0])
        copy.metadata.update(
            {"title": "Auge", "language": "ger", "CAMERA": "left"}
        )  # an MP4 knows no cameras
        for packet in file.demux():
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    run(source, tmp_path / "o.mkv")
    with av.open(str(tmp_path / "o.mkv")) as file:
        tags = file.streams.video[0].metadata
    assert (tags["title"], tags["language"], tags["CAMERA"]) == ("Auge", "ger", "left")


@pytest.mark.parametrize("target", ["o.mp4", "o.mkv"])
def test_a_timecode_is_advanced_to_the_start_once(tmp_path: Path, target: str) -> None:
    source = make_clip(tmp_path / "in.mkv", pts=range(20), tags={"timecode": "01:00:00:00"})
    run(source, tmp_path / target, replace(QUICK, start=Fraction(1)))
    with av.open(str(tmp_path / target)) as file:
        tags = file.metadata | file.streams.video[0].metadata
    assert {key: tags[key] for key in tags if key.lower() == "timecode"}.popitem()[1] == "01:00:01:00"


def test_a_run_that_ends_with_a_segment(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(14))
    run(source, tmp_path / "whole.mp4")
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "o.mp4", progress=stop_at(14))
    assert run(source, tmp_path / "o.mp4")[1] == 0
    assert same(tmp_path / "whole.mp4", tmp_path / "o.mp4")


def test_interrupted_while_it_is_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for frames in (3, 10):
        source, target = (
            make_clip(tmp_path / f"in{frames}.mp4", pts=range(frames)),
            tmp_path / f"o{frames}.mp4",
        )
        with monkeypatch.context() as patch:
            patch.setattr("style_transfer.media.video.resume.join", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                run(source, target)
        summary, painted = run(source, target)
        assert (summary.frames, painted) == (frames, 0)
        assert len(contents(target).times) == frames


def stop_at(frames: int) -> Any:
    def progress(step: Any) -> None:
        if step.frames == frames:
            raise KeyboardInterrupt

    return progress


def test_stopped_between_frames_it_says_where_the_parts_are(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(20))
    target = tmp_path / "o.mp4"
    summary, _ = run(source, target, should_stop=lambda: True)
    assert (summary.complete, summary.path, summary.frames) == (False, parts_path(target), 1)
    assert run(source, target)[0].complete


def test_stopped_while_it_looks_for_its_place(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(20))
    target = tmp_path / "o.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(source, target, dies_after=10)
    summary, painted = run(source, target, should_stop=lambda: True)
    assert (summary.complete, summary.path, summary.frames) == (False, parts_path(target), 7)
    assert painted == 0
    summary, painted = run(source, target)
    assert (summary.complete, summary.frames, painted) == (True, 20, 13)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"settings": {"--style": "the_scream"}}, "--style was udnie, and is the_scream now"),
        ({"options": replace(QUICK, crf=30)}, "--crf was not given, and is 30 now"),
        ({"source": "other.mp4"}, "the input"),
    ],
)
def test_a_changed_command_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    source, target = make_clip(tmp_path / "in.mp4", pts=range(20)), tmp_path / "o.mp4"
    make_clip(tmp_path / "other.mp4", pts=range(21))
    with pytest.raises(KeyboardInterrupt):
        run(source, target, dies_after=9)
    source = tmp_path / change.pop("source", "in.mp4")
    with pytest.raises(UserError, match=says) as caught:
        run(source, target, **change)
    assert str(parts_path(target)) in str(caught.value)


def test_an_input_of_the_same_size_may_be_another(tmp_path: Path) -> None:
    source, target = begun(tmp_path)
    source.write_bytes(source.read_bytes().replace(b"x264 - core", b"x264 - cord"))
    with pytest.raises(UserError, match="the input was"):
        run(source, target)


def test_an_input_that_has_changed_further_on_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = make_clip(tmp_path / "in.mp4", pts=range(20)), tmp_path / "o.mp4"
    monkeypatch.setattr(resume, "_described", lambda *_: {})  # as far as is looked at it is the same
    with pytest.raises(KeyboardInterrupt):
        run(source, target, dies_after=9)
    make_clip(source, pts=range(20), pixels=np.full((48, 64, 3), 90, np.uint8))
    with pytest.raises(InputFileError, match="is not the video that was begun; remove"):
        run(source, target)


def test_what_was_said_before_an_interruption_is_said_in_the_end(tmp_path: Path) -> None:
    whole = make_clip(
        tmp_path / "whole.mkv", size=(63, 47), codec="ffv1", options={}, pix_fmt="yuv444p", pts=range(20)
    )
    source, target = tmp_path / "in.mkv", tmp_path / "o.mp4"
    with av.open(str(whole)) as file, av.open(str(source), "w") as output:
        copy = output.add_stream_from_template(file.streams.video[0])
        for number, packet in enumerate(packet for packet in file.demux() if packet.size):
            part = av.Packet(bytes(packet)[: 20 if number == 2 else None])  # one that is damaged
            part.pts, part.dts, part.time_base, part.stream = packet.pts, packet.dts, packet.time_base, copy
            part.is_keyframe = packet.is_keyframe
            output.mux(part)
    with pytest.raises(KeyboardInterrupt):
        run(source, target, dies_after=9)
    summary, _ = run(source, target)
    assert summary.truncated
    assert summary.notices[0] == "padded by a pixel to 64×48, as video has even sides"
    assert len(summary.notices) == 2
    assert "is damaged or ends early" in summary.notices[1]


def test_it_goes_on_with_other_threads(tmp_path: Path) -> None:
    source, target = make_clip(tmp_path / "in.mp4", pts=range(12)), tmp_path / "o.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(source, target, dies_after=9)
    assert run(source, target, replace(QUICK, threads=2))[1] == 5


def test_a_damaged_state_is_said(tmp_path: Path) -> None:
    source, target = begun(tmp_path)
    (parts_path(target) / "state.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(InputFileError, match="is damaged; remove"):
        run(source, target)


def test_a_state_of_another_version_is_not_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = begun(tmp_path)
    monkeypatch.setattr("style_transfer.media.video.state._VERSION", 99)
    with pytest.raises(InputFileError, match=r"remove '.*' to begin anew"):
        run(source, target)


@pytest.mark.parametrize("content", [None, b"", b"\0" * 100])
def test_a_segment_that_is_gone_is_said(tmp_path: Path, content: bytes | None) -> None:
    source, target = make_clip(tmp_path / "in.mp4", pts=range(20)), tmp_path / "o.mp4"
    with pytest.raises(KeyboardInterrupt):
        run(source, target, dies_after=16)
    segment = parts_path(target) / "00001.partial.mp4"
    segment.unlink()
    if content is not None:
        segment.write_bytes(content)
    with pytest.raises(InputFileError, match=r"00001.* is missing or damaged; remove .*o.mp4.parts"):
        run(source, target)


def test_parts_left_over_are_removed_once_the_result_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = begun(tmp_path)
    target.write_bytes(b"an older result")
    forget(target)
    assert parts_path(target).exists()
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", lambda *_, **__: None)  # killed just before
        run(source, target)
    assert parts_path(target).exists()
    os.utime(target, (1, 1))  # an older result, which the parts were to replace
    forget(target)
    assert parts_path(target).exists()
    os.utime(target)
    forget(target)
    assert not parts_path(target).exists()


CHILD = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from test_resume import SETTINGS, Trail
from clips import QUICK
from style_transfer.media.video.resume import convert_resumably

class Slow(Trail):
    def __call__(self, frame):
        time.sleep(0.004)
        return super().__call__(frame)

def say(progress):
    print(progress.frames, flush=True)

source, target = map(Path, sys.argv[1:3])
convert_resumably(source, target, Slow(), QUICK, SETTINGS, segment_frames=7, progress=say)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_killed_twice(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pts=range(60), sound="aac")
    run(source, tmp_path / "whole.mp4")
    target = tmp_path / "o.mp4"
    here = Path(__file__).parent
    command = [sys.executable, "-c", CHILD, str(source), str(target), str(here), str(here.parent.parent)]
    for frames in (19, 41):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            first = int(child.stdout.readline())
            assert (first == 1) == (frames == 19)
            assert first % 7 == 1
            while int(child.stdout.readline()) < frames:
                pass
            child.send_signal(signal.SIGKILL)
        assert not target.exists()
    run(source, target)
    assert same(tmp_path / "whole.mp4", target)
