"""Which results go where, and that no picture of the user's is ever written over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from style_transfer.errors import InputFileError, UserError
from style_transfer.media.collect import Job, collect_jobs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)


def pairs(
    *sources: str, output: str | Path | None = None, suffix: str = "wave", extension: str | None = None
) -> dict[str, str]:
    jobs = collect_jobs([Path(source) for source in sources], output, suffix=suffix, extension=extension)
    assert len({str(job.target).lower() for job in jobs}) == len(jobs)
    return {job.source.as_posix(): job.target.as_posix() for job in jobs}


pytestmark = pytest.mark.usefixtures("here")


def test_a_file_goes_beside_itself() -> None:
    make("a/photo.one.JPG")
    assert pairs("a/photo.one.JPG") == {"a/photo.one.JPG": "a/photo.one_wave.JPG"}
    assert pairs("a/photo.one.JPG", extension=".png") == {"a/photo.one.JPG": "a/photo.one_wave.png"}


@pytest.mark.parametrize("name", ["a.heic", "a.HIF", "a.bmp", "a.jp2", "a.unknown", "a"])
def test_what_is_only_read_becomes_a_jpeg(name: str) -> None:
    make(name)
    assert pairs(name) == {name: "a_wave.jpg"}


def test_a_file_goes_to_exactly_the_output() -> None:
    make("a.jpg", "old.png")
    assert pairs("a.jpg", output="b/c.webp") == {"a.jpg": "b/c.webp"}
    assert pairs("a.jpg", output=Path("old.png")) == {"a.jpg": "old.png"}
    assert pairs("a.jpg", output="b.jpeg", extension=".jpg") == {"a.jpg": "b.jpeg"}


def test_a_file_goes_into_an_output_folder() -> None:
    make("a.jpg")
    Path("existing.png").mkdir()
    for output in ("existing.png", "new/", "new.dir/", "new"):
        assert pairs("a.jpg", output=output) == {"a.jpg": f"{Path(output)}/a_wave.jpg"}


def test_several_files_go_into_one_folder() -> None:
    make("x/a.jpg", "b.png")
    assert pairs("x/a.jpg", "b.png") == {"x/a.jpg": "x/a_wave.jpg", "b.png": "b_wave.png"}
    assert pairs("x/a.jpg", "b.png", output="new.out") == {
        "x/a.jpg": "new.out/a_wave.jpg",
        "b.png": "new.out/b_wave.png",
    }
    assert len(pairs("b.png", "b.png", output="out")) == 1


def test_a_folder_is_mirrored() -> None:
    make("in/b.jpg", "in/a.PNG", "in/deep/er/c.heic", "in/notes.txt", "in/video.mp4", "in/raw.cr2")
    make("in/.hidden.jpg", "in/.thumbnails/d.jpg", "in/e.123.partial.jpg")
    expected = {
        "in/a.PNG": "out/a.PNG",
        "in/b.jpg": "out/b.jpg",
        "in/deep/er/c.heic": "out/deep/er/c.jpg",
        "in/video.mp4": "out/video.mp4",
    }
    assert pairs("in", output="out") == expected
    assert list(pairs("in", output="out")) == list(expected)
    assert pairs("in", output="out", extension=".webp")["in/a.PNG"] == "out/a.webp"


def test_files_and_folders_together() -> None:
    make("one/a.jpg", "two/a.jpg", "a.jpg")
    assert pairs("one", "two/", "a.jpg", output="out") == {
        "one/a.jpg": "out/one/a.jpg",
        "two/a.jpg": "out/two/a.jpg",
        "a.jpg": "out/a_wave.jpg",
    }


def test_the_current_folder_as_source(here: Path) -> None:
    make("in/a.jpg")
    os.chdir("in")
    assert pairs(".", output="../out") == {"a.jpg": "../out/a.jpg"}
    assert here.joinpath("in/a.jpg").exists()


def test_links_to_folders_are_not_followed() -> None:
    make("in/a.jpg", "elsewhere/b.jpg")
    Path("in/loop").symlink_to("..", target_is_directory=True)
    Path("in/self").symlink_to("self")
    Path("in/linked.jpg").symlink_to("../elsewhere/b.jpg")
    Path("in/broken.jpg").symlink_to("nowhere")
    assert list(pairs("in", output="out")) == ["in/a.jpg", "in/linked.jpg"]


def test_same_names_are_told_apart() -> None:
    make("in/x.jpg", "in/x.png", "in/x.webp", "p/y.jpg", "q/y.jpg", "r/Y.JPG")
    assert pairs("in", output="out", extension=".jpg") == {
        "in/x.jpg": "out/x.jpg",
        "in/x.png": "out/x_png.jpg",
        "in/x.webp": "out/x_webp.jpg",
    }
    assert pairs("p/y.jpg", "q/y.jpg", "r/Y.JPG", output="out") == {
        "p/y.jpg": "out/y_wave.jpg",
        "q/y.jpg": "out/y_wave-2.jpg",
        "r/Y.JPG": "out/Y_wave-3.JPG",
    }
    composed, decomposed = "p/caf\u00e9.jpg", "q/cafe\u0301.jpg"
    make(composed, decomposed)
    assert [*pairs(composed, decomposed, output="out").values()] == [
        "out/caf\u00e9_wave.jpg",
        "out/cafe\u0301_wave-2.jpg",
    ]


def test_a_name_given_to_one_is_not_given_to_another() -> None:
    make("in/x.jpg", "in/x.png", "in/x_png.png")
    assert sorted(pairs("in", output="out", extension=".jpg").values()) == [
        "out/x.jpg",
        "out/x_png.jpg",
        "out/x_png_png.jpg",
    ]


# --- refused --------------------------------------------------------------------------------------


def refusal(*sources: str, **options: str | None) -> str:
    with pytest.raises(UserError) as caught:
        pairs(*sources, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_needs_an_output_outside_itself() -> None:
    make("in/sub/a.jpg")
    assert "-o FOLDER" in refusal("in")
    for output in ("in", "in/", "in/out", "in/sub/../sub", "./in/new/deep"):
        assert "outside itself" in refusal("in", output=output)
    Path("link").symlink_to("in", target_is_directory=True)
    assert "outside itself" in refusal("in", output="link/out")
    assert pairs("in", output="in2") == {"in/sub/a.jpg": "in2/sub/a.jpg"}


def test_a_folder_without_pictures() -> None:
    make("in/notes.txt")
    assert "no pictures or videos in the folder 'in'" in refusal("in", output="out")


def test_the_output_of_a_folder_is_no_file() -> None:
    make("in/a.jpg", "out")
    assert "'out' is a file" in refusal("in", output="out")


def test_missing_sources() -> None:
    make("a.jpg")
    with pytest.raises(InputFileError, match=r"'b\.jpg' does not exist"):
        pairs("a.jpg", "b.jpg", output="out")
    with pytest.raises(InputFileError, match=r"'a\.jpg/b'"):
        pairs("a.jpg/b")
    assert "nothing to stylize" in refusal()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_picture() -> None:
    os.mkfifo("pipe.jpg")
    with pytest.raises(InputFileError, match="neither a file nor a folder"):
        pairs("pipe.jpg")


def test_unknown_output_formats() -> None:
    make("a.jpg")
    assert ".jpg, .png, .webp" in refusal("a.jpg", output="b.heic")
    assert ".jpg, .png, .webp" in refusal("a.jpg", extension=".bmp")
    assert "format asked for, .jpg" in refusal("a.jpg", output="b.png", extension=".jpg")


def test_no_input_is_overwritten() -> None:
    make("a.jpg", "b_wave.jpg", "b.jpg")
    Path("link.jpg").symlink_to("a.jpg")
    Path("hard.jpg").hardlink_to("a.jpg")
    for output in ("a.jpg", "./a.jpg", "link.jpg", "hard.jpg"):
        assert "overwrite the input 'a.jpg'" in refusal("a.jpg", output=output)
    assert "overwrite the input 'b_wave.jpg'" in refusal("b.jpg", "b_wave.jpg")
    make("out/in/in/c.jpg", "out/in/c.jpg")
    assert "overwrite the input" in refusal("out/in", output="out")


def test_a_folder_in_place_of_a_result() -> None:
    make("in/a.jpg", "out/a.jpg/b")
    assert "'out/a.jpg' is a folder" in refusal("in", output="out")


def test_jobs_are_plain_values() -> None:
    make("a.jpg")
    assert collect_jobs([Path("a.jpg")], None, suffix="s", extension=None) == [
        Job(Path("a.jpg"), Path("a_s.jpg"))
    ]


def test_videos_keep_their_container_or_become_mp4(tmp_path):
    for name in ("a.mkv", "b.avi", "c.jpg", "d.txt"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).touch()
    jobs = collect_jobs([tmp_path / "in"], tmp_path / "out", suffix="wave", extension=".png")
    assert [(job.target.name, job.is_video) for job in jobs] == [
        ("a.mkv", True),
        ("b.mp4", True),
        ("c.png", False),
    ]
    (job,) = collect_jobs([tmp_path / "in" / "b.avi"], None, suffix="wave", extension=None)
    assert job.target == tmp_path / "in" / "b_wave.mp4"
    (job,) = collect_jobs([tmp_path / "in" / "a.mkv"], tmp_path / "x.mov", suffix="wave", extension=None)
    assert job.target == tmp_path / "x.mov"
    with pytest.raises(UserError, match=r"\.mp4"):
        collect_jobs([tmp_path / "in" / "a.mkv"], tmp_path / "x.png", suffix="wave", extension=None)


def test_a_preview_does_not_pass_for_the_whole() -> None:
    make("in/a.mkv", "in/c.jpg")
    jobs = collect_jobs([Path("in")], Path("out"), suffix="wave", extension=None, preview=True)
    assert [str(job.target) for job in jobs] == ["out/a_preview.mkv", "out/c.jpg"]
    (job,) = collect_jobs([Path("in/a.mkv")], None, suffix="wave", extension=None, preview=True)
    assert job.target == Path("in/a_wave_preview.mkv")
    (job,) = collect_jobs([Path("in/a.mkv")], Path("x.mp4"), suffix="wave", extension=None, preview=True)
    assert job.target == Path("x.mp4")
