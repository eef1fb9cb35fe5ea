"""Damaged input, interruption, errors in each stage: a file under the final name is always whole."""

from __future__ import annotations

import errno
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clips import QUICK, contents, identity, make_clip, make_sound

from style_transfer.errors import InputFileError, OutputError, UserError
from style_transfer.lock import sole_writer
from style_transfer.media.video import reader as video_reader
from style_transfer.media.video import writer as video_writer
from style_transfer.media.video.channel import Cancelled, Channel
from style_transfer.media.video.convert import convert, each
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.reader import VideoReader, probe
from style_transfer.media.video.writer import partial_path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "in.mp4", pts=range(30), sound="aac")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def test_a_partial_file_that_is_played_is_left_there(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, **_: object) -> None:  # as Windows does
        raise PermissionError(errno.EACCES, "another program uses it")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert convert(clip, tmp_path / "out.mp4", identity, QUICK).complete
    assert names(tmp_path)[-2:] == ["out.mp4", "out.partial.mp4"]
    assert len(contents(tmp_path / "out.mp4").times) == 30


def test_two_runs_onto_one_video(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with sole_writer(target), pytest.raises(UserError, match="is being written by another run"):
        convert(clip, target, identity, QUICK)
    assert names(tmp_path) == ["in.mp4"]
    assert convert(clip, target, identity, QUICK).complete
    assert names(tmp_path) == ["in.mp4", "out.mp4"]


def test_where_there_are_no_locks_it_is_written_all_the_same(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert convert(clip, tmp_path / "out.mp4", identity, QUICK).complete


def test_a_drive_that_is_gone_is_not_the_end_of_the_film(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unplugged:
        def __init__(self, container: object) -> None:
            self._container = container

        def demux(self) -> Iterator[object]:
            yield from itertools.islice(self._container.demux(), 12)  # type: ignore[attr-defined]
            raise OSError(errno.EIO, "Input/output error")

        def __getattr__(self, name: str) -> object:
            return getattr(self._container, name)

    open_whole = video_reader.open_video
    monkeypatch.setattr(video_reader, "open_video", lambda path: Unplugged(open_whole(path)))
    with pytest.raises(InputFileError, match="can no longer be read"):
        convert(clip, tmp_path / "out.mkv", identity, QUICK)
    assert names(tmp_path) == ["in.mp4", "out.partial.mkv"]


def test_streams_that_begin_in_the_middle_end_nothing(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Changed:
        def __init__(self, container: object) -> None:
            self._container = container

        def demux(self) -> Iterator[object]:
            yield from self._container.demux()  # type: ignore[attr-defined]
            raise IndexError("list index out of range")  # of PyAV, which does not know these streams

        def __getattr__(self, name: str) -> object:
            return getattr(self._container, name)

    open_whole = video_reader.open_video
    monkeypatch.setattr(video_reader, "open_video", lambda path: Changed(open_whole(path)))
    summary = convert(clip, clip.with_name("out.mkv"), identity, QUICK)
    assert (summary.complete, summary.truncated, summary.frames) == (True, False, 30)


def test_where_the_first_frame_fails_nothing_is_left(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(video_writer.VideoWriter, "_open", refuse)
    with pytest.raises(OutputError) as caught:
        convert(clip, tmp_path / "out.mp4", identity, QUICK)
    assert "written so far" not in str(caught.value)
    assert names(tmp_path) == ["in.mp4"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.mp4", None, "does not exist"),
        ("empty.mp4", b"", "is empty"),
        ("noise.mp4", b"no video at all" * 100, "no video"),
        ("notes.txt", b"hello\n" * 100, "not a video"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://example.com/a.ts\n", "not a video"),
    ],
)
def test_not_a_video(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content)
    for call in (probe, lambda path: convert(path, tmp_path / "out.mp4", identity, QUICK)):
        with pytest.raises(InputFileError, match=says) as caught:
            call(source)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.mp4").exists()


def test_a_folder_a_sound_and_a_video_without_frames(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="is a folder"):
        probe(tmp_path)
    with pytest.raises(InputFileError, match="sound only"):
        probe(make_sound(tmp_path / "sound.m4a"))
    with pytest.raises(InputFileError, match=r"no frame|no video"):
        probe(make_clip(tmp_path / "none.mkv", pts=[], sound="aac"))


@pytest.mark.parametrize("extension", ["mkv", "mp4"])
def test_of_a_truncated_file_what_can_be_read_is_kept(tmp_path: Path, extension: str) -> None:
    source = make_clip(tmp_path / f"whole.{extension}", pts=range(30), sound="aac")
    if extension == "mp4":  # with its index in front, as only so a cut one can be read
        convert(source, tmp_path / "in.mp4", identity, QUICK)
        source = tmp_path / "in.mp4"
    data = source.read_bytes()
    cut = tmp_path / f"cut.{extension}"
    cut.write_bytes(data[: len(data) * 2 // 3])
    summary = convert(cut, tmp_path / "out.mp4", identity, QUICK)
    assert summary.truncated
    assert "damaged or ends early" in summary.notices[-1]
    assert 3 < len(contents(tmp_path / "out.mp4").times) < 30
    assert not convert(source, tmp_path / "out.mp4", identity, QUICK).truncated


@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_stopped_in_the_middle_the_partial_file_plays(clip: Path, target: str) -> None:
    path = clip.with_name(target)
    count = 0

    def paint(frames: Iterator[Frame]) -> Iterator[Frame]:
        nonlocal count
        for frame in frames:
            count += 1
            yield frame

    summary = convert(clip, path, paint, QUICK, should_stop=lambda: count >= 7)
    assert not summary.complete
    assert summary.path == partial_path(path)
    assert names(clip.parent) == ["in.mp4", partial_path(path).name]
    found = contents(summary.path)
    assert len(found.times) == summary.frames == 7
    assert found.packets["audio"][0]


@pytest.mark.parametrize("error", [ValueError("paint"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [0, 9])
def test_an_exception_in_paint_arrives_and_leaves_what_was_done(
    clip: Path, error: BaseException, after: int
) -> None:
    def paint(frames: Iterator[Frame]) -> Iterator[Frame]:
        for number, frame in enumerate(frames):
            if number == after:
                raise error
            yield frame

    with pytest.raises(type(error)) as caught:
        convert(clip, clip.with_name("out.mp4"), paint, QUICK)
    assert caught.value is error
    assert names(clip.parent) == (["in.mp4", "out.partial.mp4"] if after else ["in.mp4"])
    if after:
        assert len(contents(clip.with_name("out.partial.mp4")).times) == after


def test_an_exception_in_decoding_arrives(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def fail(*_: object) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise RuntimeError("decode")
        return np.zeros((48, 64, 3), np.uint8)

    monkeypatch.setattr("style_transfer.media.video.frame.ToPixels.__call__", fail)
    with pytest.raises(RuntimeError, match="decode"):
        convert(clip, clip.with_name("out.mp4"), identity, QUICK)
    assert len(contents(clip.with_name("out.partial.mp4")).times) == 5


def test_an_exception_in_encoding_arrives(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = video_writer.VideoWriter.write
    calls = 0

    def fail(self: video_writer.VideoWriter, item: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise RuntimeError("encode")
        write(self, item)  # type: ignore[arg-type]

    monkeypatch.setattr(video_writer.VideoWriter, "write", fail)
    with pytest.raises(RuntimeError, match="encode"):
        convert(clip, clip.with_name("out.mp4"), identity, QUICK)
    assert not clip.with_name("out.mp4").exists()


def test_a_slow_painter_bounds_what_is_read_ahead(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from style_transfer.media.video import reader as video_reader

    read = painted = ahead = 0
    convert_pixels = video_reader.ToPixels.__call__

    def counted(self: video_reader.ToPixels, picture: object) -> np.ndarray:
        nonlocal read
        read += 1
        return convert_pixels(self, picture)  # type: ignore[arg-type]

    def slow(pixels: np.ndarray) -> np.ndarray:
        nonlocal painted, ahead
        time.sleep(0.01)
        painted += 1
        ahead = max(ahead, read - painted)
        return pixels

    monkeypatch.setattr(video_reader.ToPixels, "__call__", counted)
    assert convert(clip, clip.with_name("out.mp4"), each(slow), QUICK).frames == 30
    assert 1 <= ahead <= 7


def in_child(code: str, *arguments: str) -> subprocess.Popen[str]:
    source = "import sys, time\nfrom pathlib import Path\nfrom style_transfer.media.video.convert import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", source + textwrap.dedent(code), *arguments], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_killed_in_the_middle(tmp_path: Path, target: str) -> None:
    clip = make_clip(tmp_path / "in.mp4", pts=range(250), sound="aac")
    code = """
    def paint(pixels):
        time.sleep(0.003)
        return pixels
    options = VideoOptions(threads=1, preset="ultrafast")
    convert(Path(sys.argv[1]), Path(sys.argv[2]), each(paint), options,
            progress=lambda p: p.frames == 120 and print("go", flush=True))
    """
    with in_child(code, str(clip), str(clip.with_name(target))) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        child.send_signal(signal.SIGKILL)
    partial = partial_path(clip.with_name(target))
    assert names(tmp_path) == [f".{target}.lock", "in.mp4", partial.name]
    found = contents(partial)
    assert len(found.times) > 40
    assert found.packets["audio"][0]


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
def test_no_room_in_the_middle(tmp_path: Path, target: str) -> None:
    clip = make_clip(tmp_path / "in.mp4", pts=range(300), sound="aac")
    code = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
    noise = __import__("numpy").random.default_rng(0)
    try:
        paint = each(lambda pixels: noise.integers(0, 256, pixels.shape, "uint8"))
        convert(Path(sys.argv[1]), Path(sys.argv[2]), paint)
    except Exception as error:
        print(type(error).__name__, error)
    """
    with in_child(code, str(clip), str(clip.with_name(target))) as child:
        said = child.communicate()[0]
    assert said.startswith(OutputError.__name__)
    assert "no file may be so large there" in said
    assert said.count("\n") == 1
    partial = partial_path(clip.with_name(target))
    assert names(tmp_path) == ["in.mp4", partial.name]
    with VideoReader(partial) as reader:
        assert len(list(reader)) > 5


def test_a_folder_that_cannot_be_written(clip: Path) -> None:
    (clip.parent / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        convert(clip, clip.parent / "file" / "out.mp4", identity, QUICK)


def test_a_channel_ends_and_is_given_up_from_either_side() -> None:
    channel: Channel[int] = Channel(2)
    channel.put(1)
    channel.put(2)
    channel.end(ValueError("why"))
    items = iter(channel)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="why"):
        next(items)

    full: Channel[int] = Channel(1)
    full.put(1)
    threading.Timer(0.05, full.cancel).start()
    with pytest.raises(Cancelled):
        full.put(2)
    assert list(full) == []
    time.sleep(0.05)  # the timer's thread ends
