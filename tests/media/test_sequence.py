"""Image sequences in and out: numbers, times and gaps kept, what is there not painted again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import QUICK, contents, make_clip, picture
from PIL import Image

from style_transfer.errors import InputFileError, UserError
from style_transfer.lock import sole_writer
from style_transfer.media.collect import sequence_job
from style_transfer.media.image import Picture, read_image
from style_transfer.media.image_writer import write_image
from style_transfer.media.patterns import Pattern, is_pattern
from style_transfer.media.sequence import convert_sequence
from style_transfer.media.video.frame import Frame
from style_transfer.media.video.options import VideoOptions
from style_transfer.media.video.run import Summary

PLAIN = VideoOptions()


class Trail:
    """Paints each frame over what is left of those before it, so that a lost state shows."""

    def __init__(self) -> None:
        self.shown: np.ndarray | None = None
        self.times: list[Fraction] = []

    def __call__(self, frame: Frame) -> Frame:
        before = frame.pixels if self.shown is None else self.shown
        self.shown = (frame.pixels // 2 + before // 2).astype(np.uint8)
        self.times.append(frame.input_time)
        return replace(frame, pixels=self.shown)

    def skip(self, _: Frame, painted: np.ndarray) -> None:
        self.shown = painted


def write_frames(folder: Path, numbers: Sequence[int], alpha: np.ndarray | None = None) -> Path:
    for number in numbers:
        write_image(Picture([picture(number, 32, 24)], [alpha]), folder / f"frame_{number:05}.png")
    return folder / "frame_%05d.png"


def run(source: Path, target: Path, options: VideoOptions = PLAIN, **more: Any) -> tuple[Summary, Trail]:
    painter = Trail()
    if target.suffix == ".mp4":
        options = replace(options, preset=QUICK.preset)
    return convert_sequence(source, target, painter, options, **more), painter


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_patterns(tmp_path: Path) -> None:
    assert is_pattern(Path("a/frame_%05d.png"))
    assert not is_pattern(Path("a/100%.png"))
    assert not is_pattern(Path("%d/a.png"))
    assert not is_pattern(Path("%d_%d.png"))
    (tmp_path / "%d.png").touch()
    assert not is_pattern(tmp_path / "%d.png")
    for name in ("f1.png", "f02.png", "f0002.png", "f12345.png", "g3.png", "f4.jpg", "f٣.png"):
        (tmp_path / name).touch()
    assert Pattern(tmp_path / "f%d.png").numbers() == [1, 12345]
    assert Pattern(tmp_path / "f%04d.png").numbers() == [2, 12345]
    assert Pattern(tmp_path / "f%04d.png").file(7).name == "f0007.png"


def test_images_keep_numbers_gaps_and_transparency(tmp_path: Path) -> None:
    alpha = np.full((24, 32), 255, np.uint8)
    alpha[:5] = 7
    source = write_frames(tmp_path / "in", [7, 8, 11, 12], alpha)
    summary, painter = run(source, tmp_path / "out" / "o%03d.png", replace(PLAIN, fps=Fraction(10)))
    assert names(tmp_path / "out") == ["o007.png", "o008.png", "o011.png", "o012.png"]
    assert summary.notices == [f"frames are missing in '{source}': 9 to 10"]
    assert painter.times == [Fraction(n, 10) for n in (0, 1, 4, 5)]
    found = read_image(tmp_path / "out" / "o012.png").alphas[0]
    assert found is not None
    assert (found == alpha).all()


def test_many_gaps_are_counted(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", [1, 3, 6, 8, 10, 12, 14, 16])
    gaps = f"frames are missing in '{source}': 2, 4 to 5, 7, 9, 11 and 2 gaps more"
    assert run(source, tmp_path / "out" / "%d.png")[0].notices == [gaps]


def test_two_runs_onto_one_sequence(tmp_path: Path) -> None:
    source, target = write_frames(tmp_path / "in", [1]), tmp_path / "out" / "%d.png"
    with sole_writer(target), pytest.raises(UserError, match="is being written by another run"):
        run(source, target)


def test_hidden_colours_are_not_seen_by_the_painter(tmp_path: Path) -> None:
    alpha = np.zeros((24, 32), np.uint8)
    alpha[8:16] = 255
    pixels = np.where(alpha[..., None] > 0, np.uint8(90), np.uint8(255))
    write_image(Picture([pixels.repeat(3, 2)], [alpha]), tmp_path / "1.png")
    shown = run(tmp_path / "%d.png", tmp_path / "out" / "%d.png")[1].shown
    assert shown is not None
    assert abs(shown.astype(int) - 90).max() <= 2


def test_size_and_quality_are_as_asked(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", [1])
    for quality in (10, 95):
        run(source, tmp_path / f"{quality}_%d.jpg", replace(PLAIN, image_size=64), quality=quality)
    assert read_image(tmp_path / "10_1.jpg").size == (48, 64)
    assert (tmp_path / "10_1.jpg").stat().st_size < 0.7 * (tmp_path / "95_1.jpg").stat().st_size


def test_a_result_of_another_size_is_painted_anew(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", [1, 2])
    run(source, tmp_path / "out" / "%d.png", replace(PLAIN, image_size=16))
    assert len(run(source, tmp_path / "out" / "%d.png")[1].times) == 2
    assert read_image(tmp_path / "out" / "2.png").size == (24, 32)


def test_a_frame_shown_twice_is_there_when_both_its_files_are(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", pts=range(3), time_base=Fraction(1, 5))
    options = replace(PLAIN, fps=Fraction(10))
    run(film, tmp_path / "out" / "%d.png", options)
    assert len(names(tmp_path / "out")) == 5
    (tmp_path / "out" / "4.png").unlink()
    assert len(run(film, tmp_path / "out" / "%d.png", options)[1].times) == 1
    assert len(names(tmp_path / "out")) == 5


def test_what_is_there_is_not_painted_again_and_the_film_goes_on_from_it(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", range(1, 9))
    run(source, tmp_path / "whole" / "%d.png")
    target = tmp_path / "out" / "%d.png"
    steps = iter([False, False, True])
    summary, _ = run(source, target, should_stop=lambda: next(steps))
    assert not summary.complete
    assert names(tmp_path / "out") == ["1.png", "2.png", "3.png"]
    (tmp_path / "out" / "2.png").write_bytes(b"damaged")
    painter = run(source, target)[1]
    assert len(painter.times) == 6  # the damaged one too
    for name in names(tmp_path / "whole"):
        if name != "2.png":
            assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(run(source, target, overwrite=True)[1].times) == 8


def test_beside_the_input_it_goes_on_too(tmp_path: Path) -> None:
    source, beside = write_frames(tmp_path / "in", range(1, 6)), replace(PLAIN, side_by_side=True)
    run(source, tmp_path / "whole" / "%d.png", beside)
    for name in ("1.png", "2.png"):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    run(source, tmp_path / "out" / "%d.png", beside)
    assert read_image(tmp_path / "out" / "5.png").size == (24, 64)
    assert (tmp_path / "out" / "5.png").read_bytes() == (tmp_path / "whole" / "5.png").read_bytes()


def test_beside_the_input_transparency_is_that_of_both(tmp_path: Path) -> None:
    alpha = np.full((24, 32), 255, np.uint8)
    alpha[:5] = 7
    source = write_frames(tmp_path / "in", [1], alpha)
    run(source, tmp_path / "out" / "%d.png", replace(PLAIN, side_by_side=True))
    found = read_image(tmp_path / "out" / "1.png").alphas[0]
    assert found is not None
    assert (found == np.hstack([alpha, alpha])).all()


def test_images_to_a_video_and_back(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", [5, 6, 9])
    summary, _ = run(source, tmp_path / "film.mp4", replace(PLAIN, fps=Fraction(10)))
    assert summary.path == tmp_path / "film.mp4"
    found = contents(tmp_path / "film.mp4")
    assert [time - found.times[0] for time in found.times] == [Fraction(n, 10) for n in (0, 1, 4)]
    assert (found.width, found.height) == (32, 24)
    run(tmp_path / "film.mp4", tmp_path / "back" / "%d.png")
    assert names(tmp_path / "back") == ["1.png", "2.png", "3.png"]
    run(tmp_path / "film.mp4", tmp_path / "steady" / "%d.png", replace(PLAIN, fps=Fraction(10)))
    assert len(names(tmp_path / "steady")) == 5  # of the one before the gap, there are three


def test_a_part_of_it(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", range(1, 31))
    options = replace(PLAIN, fps=Fraction(10), start=Fraction(1), end=Fraction(2), preview=Fraction(1, 2))
    painter = run(source, tmp_path / "out" / "%d.png", options)[1]
    assert names(tmp_path / "out") == ["11.png", "12.png", "13.png", "14.png", "15.png"]
    assert painter.times[0] == 1
    run(source, tmp_path / "o.mp4", options)
    assert contents(tmp_path / "o.mp4").times[0] == 0


def test_a_start_in_a_gap(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", [1, 2, 3, 10, 11])
    run(source, tmp_path / "o.mp4", replace(PLAIN, fps=Fraction(10), start=Fraction(4, 10)))
    assert contents(tmp_path / "o.mp4").times == [Fraction(5, 10), Fraction(6, 10)]


def test_what_cannot_be(tmp_path: Path) -> None:
    source = write_frames(tmp_path / "in", [1, 2])
    with pytest.raises(InputFileError, match="there is no file"):
        run(tmp_path / "nothing_%d.png", tmp_path / "o_%d.png")
    with pytest.raises(UserError, match="no frames between"):
        run(source, tmp_path / "o_%d.png", replace(PLAIN, start=Fraction(9)))
    with pytest.raises(UserError, match="overwrite the input"):
        run(source, tmp_path / "in" / "frame_%05d.png")
    many = write_frames(tmp_path / "many", [99, 100000])
    with pytest.raises(UserError, match=r"overwrite the input '.*frame_100000\.png'"):
        run(many, tmp_path / "many" / "frame_%d.png", overwrite=True)
    with pytest.raises(UserError, match="--fps must be above 0, not 0"):
        run(source, tmp_path / "o_%d.png", replace(PLAIN, fps=Fraction(0)))
    with pytest.raises(UserError, match="an image sequence has no --crf"):
        run(source, tmp_path / "o_%d.png", replace(PLAIN, crf=20))
    with pytest.raises(UserError, match="images are written as"):
        run(source, tmp_path / "o_%d.exr")
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "frame_00003.png")
    with pytest.raises(InputFileError, match="of one size"):
        run(source, tmp_path / "o_%d.png")


def test_jobs(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", pts=range(2))
    frames = tmp_path / "f_%03d.png"

    def job(sources: list[Path], output: Path | None) -> Any:
        return sequence_job(sources, output, suffix="udnie", extension=None)

    assert job([clip], None) is None
    assert job([frames], None).target == tmp_path / "f_%03d_udnie.png"
    assert job([frames], tmp_path / "out").target == tmp_path / "out" / "f_%03d_udnie.png"
    assert job([frames], tmp_path / "o.mkv").target == tmp_path / "o.mkv"
    assert job([clip], tmp_path / "o_%d.tif").is_video
    for sources, output, says in [
        ([frames, clip], None, "by itself"),
        ([frames], tmp_path / "o.png", "has no number"),
        ([tmp_path / "photo.jpg"], tmp_path / "o_%d.png", "does not exist"),
    ]:
        with pytest.raises(UserError, match=says):
            job(sources, output)
