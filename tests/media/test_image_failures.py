"""Reading: what cannot be read is one clear line, and what can costs little memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import noise, only_frame, smooth
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from style_transfer.errors import InputFileError, UserError
from style_transfer.media.image import IMAGE_EXTENSIONS, read_image, read_still, resize_long_side


def error_of(path: Path, **options: int) -> str:
    with pytest.raises(InputFileError) as caught:
        read_image(path, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


def test_missing_folder_empty_and_text(tmp_path: Path) -> None:
    assert "does not exist" in error_of(tmp_path / "nothing.jpg")
    assert "does not exist" in error_of(tmp_path / "no" / "where.jpg")
    assert "is a folder" in error_of(tmp_path)
    (tmp_path / "empty.jpg").touch()
    assert "is empty" in error_of(tmp_path / "empty.jpg")
    (tmp_path / "text.jpg").write_text("dear diary\n" * 40)
    assert "not an image of a known format" in error_of(tmp_path / "text.jpg")


def test_ghostscript_is_never_reached(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text(
        "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    assert "not an image" in error_of(tmp_path / "a.png")


@pytest.mark.parametrize(
    "suffix", [".jpg", ".png", ".webp", ".tiff", ".gif", ".avif", ".bmp", ".jp2", ".qoi"]
)
def test_cut_short_at_any_place(tmp_path: Path, suffix: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(noise(40, 50)).save(buffer, Image.registered_extensions()[suffix])
    whole = buffer.getvalue()
    for part in (1, 9, 30, len(whole) // 4, len(whole) // 2, len(whole) * 3 // 4):
        (tmp_path / f"a{suffix}").write_bytes(whole[:part])
        error_of(tmp_path / f"a{suffix}")


def test_an_animation_that_breaks_off_between_two_pictures(tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(9, 8) // shade) for shade in (1, 2, 3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    whole = (tmp_path / "a.gif").read_bytes()
    for more in (bytes(3), b"\r\n<!-- appended -->", bytes(1000)):  # as mailers and servers add
        (tmp_path / "a.gif").write_bytes(whole + more)
        assert read_image(tmp_path / "a.gif").animated
    (tmp_path / "a.gif").write_bytes(whole[: whole.rindex(b"\x21\xf9\x04")])
    assert "breaks off" in error_of(tmp_path / "a.gif")


def test_a_size_beyond_the_memory(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"no memory for 300000000×200000000 pixels; choose a smaller"):
        resize_long_side(read_image(tmp_path / "a.png"), 300_000_000)


@given(st.sampled_from([".jpg", ".png", ".webp", ".gif", ".tiff"]), st.data())
def test_damage_gives_a_picture_or_one_line(folder: Path, suffix: str, data: st.DataObject) -> None:
    buffer = io.BytesIO()
    Image.fromarray(noise(9, 8)).save(buffer, Image.registered_extensions()[suffix])
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / f"damaged{suffix}"
    path.write_bytes(content)
    try:
        picture = read_image(path, max_pixels=100_000)
    except InputFileError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert len(picture.frames) == len(picture.alphas) >= 1


def test_too_many_pixels(tmp_path: Path) -> None:
    Image.new("L", (2000, 1500)).save(tmp_path / "a.png")
    message = error_of(tmp_path / "a.png", max_pixels=2_500_000)
    assert "3 megapixels (2000×1500 pixels)" in message
    assert "limit is 2.5" in message
    assert message.endswith("--max-megapixels 3")
    assert read_image(tmp_path / "a.png", max_pixels=3_000_000).size == (1500, 2000)
    assert read_image(tmp_path / "a.png", max_pixels=None).size == (1500, 2000)


def test_a_size_that_would_be_reduced_counts_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (80, 60)).save(tmp_path / "a.jpg")
    monkeypatch.setattr("style_transfer.media.image.MAX_PIXELS", 4000)
    with pytest.raises(InputFileError, match="80×60 pixels"):
        read_still(tmp_path / "a.jpg", short_side=8)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = struct.pack(">II", 40_000, 40_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "bomb.png").write_bytes(content)
    assert "1600 megapixels" in error_of(tmp_path / "bomb.png")
    assert Image.MAX_IMAGE_PIXELS is None


def test_frames_count_as_pixels(tmp_path: Path) -> None:
    frames = [Image.new("L", (100, 100), shade) for shade in range(0, 250, 25)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "100×100 pixels in 10 frames" in error_of(tmp_path / "a.gif", max_pixels=99_999)
    assert len(read_image(tmp_path / "a.gif", max_pixels=100_000).frames) == 10


def test_out_of_memory_names_the_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    monkeypatch.setattr("style_transfer.media.image.to_arrays", refuse)
    assert "30×20" in error_of(tmp_path / "a.png")


def test_text_bomb_in_a_png(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("comment", "x" * 80_000_000, zip=True)
    Image.new("L", (3, 3)).save(tmp_path / "a.png", pnginfo=info)
    assert "damaged" in error_of(tmp_path / "a.png")


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])
def test_heic_names_the_package_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, brand: bytes
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.jpg").write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + bytes(100))
    assert "pip install pillow-heif" in error_of(tmp_path / "a.jpg")


def test_an_avif_may_call_itself_a_picture_of_the_same_container(tmp_path: Path) -> None:
    Image.fromarray(smooth(16, 24)).save(tmp_path / "a.avif")
    content = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "a.avif").write_bytes(content[:8] + b"mif1" + content[12:])
    assert read_image(tmp_path / "a.avif").size == (16, 24)


def test_heic(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "phone"
    pillow_heif.from_pillow(Image.fromarray(smooth(64, 48))).save(
        tmp_path / "a.heic", quality=95, exif=exif.tobytes()
    )
    picture = read_image(tmp_path / "a.heic")
    assert abs(only_frame(picture).astype(int) - smooth(64, 48)).mean() < 3
    assert b"phone" in (picture.exif or b"")
    whole = (tmp_path / "a.heic").read_bytes()
    (tmp_path / "a.heic").write_bytes(whole[: len(whole) // 2])
    error_of(tmp_path / "a.heic")


def test_extensions_are_lower_case_with_a_dot() -> None:
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".heic", ".avif", ".gif"} <= IMAGE_EXTENSIONS
    assert all(extension == extension.lower() and extension[0] == "." for extension in IMAGE_EXTENSIONS)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory from /proc")
@pytest.mark.parametrize("orientation", [1, 6])
def test_no_more_than_two_copies_in_memory(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", (6000, 4000), (10, 20, 30)).save(tmp_path / "large.jpg", exif=exif)
    program = """if True:
        import sys
        from pathlib import Path
        from style_transfer.media.image import read_image
        from style_transfer.media.image_writer import write_image
        def peak():
            return next(int(line.split()[1]) for line in open("/proc/self/status") if "VmHWM" in line) * 1024
        before = peak()
        picture = read_image(Path(sys.argv[1]))
        print(peak() - before)
        write_image(picture, Path(sys.argv[1]).with_name("copy.jpg"))
        print(peak() - before, "torch" in sys.modules)
    """
    command = [sys.executable, "-c", program, str(tmp_path / "large.jpg")]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    reading, both, torch_imported = result.stdout.split()
    # Pillow's 4 bytes a pixel, the array's 3, and some strips.
    assert int(reading) < 8.5 * 24_000_000
    assert int(both) < 8.5 * 24_000_000
    assert torch_imported == "False"


def test_threads_read_at_the_same_time(tmp_path: Path) -> None:
    for shade in range(8):
        Image.new("RGB", (300, 200), (shade, 0, 0)).save(tmp_path / f"{shade}.png")
    paths = [tmp_path / f"{number % 8}.png" for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(read_image, paths))
    assert [int(picture.frames[0].max()) for picture in pictures] == [number % 8 for number in range(64)]
