"""What the page's server is made of: turns, allowances, messages, pictures, settings."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from helpers import photo_pixels
from PIL import Image

from style_transfer.errors import UserError
from style_transfer.live.web import protocol
from style_transfer.live.web.frames import decode, encode
from style_transfer.live.web.seat import Allowance
from style_transfer.live.web.settings import Settings
from style_transfer.live.web.turns import Turns

# -- turns ---------------------------------------------------------------------------------------------


def serve(turns: Turns[str], waiting: list[str], costs: dict[str, float], count: int) -> dict[str, int]:
    served = dict.fromkeys(waiting, 0)
    for _ in range(count):
        who = turns.choose(waiting)
        turns.charge(who, costs[who])
        served[who] += 1
    return served


def test_time_is_shared_evenly_whatever_each_turn_costs() -> None:
    turns: Turns[str] = Turns()
    names = [*"abcdefg", "greedy"]
    for name in names:
        turns.join(name)
    served = serve(turns, names, {name: 20.0 if name == "greedy" else 1.0 for name in names}, 700)
    assert max(served[name] for name in "abcdefg") - min(served[name] for name in "abcdefg") <= 1
    assert served["greedy"] == pytest.approx(served["a"] / 20, abs=1)


def test_being_away_saves_nothing_up() -> None:
    turns: Turns[str] = Turns()
    turns.join("here")
    turns.join("away")
    serve(turns, ["here"], {"here": 1.0}, 100)
    turns.wait("away")
    served = serve(turns, ["here", "away"], {"here": 1.0, "away": 1.0}, 20)
    assert abs(served["here"] - served["away"]) <= 2


@pytest.mark.parametrize("leaves_first", [False, True])
def test_coming_and_going_gains_nothing(leaves_first: bool) -> None:
    turns: Turns[str] = Turns()
    turns.join("a")
    turns.join("b")
    served = {"a": 0, "b": 0, "restless": 0}
    turns.join("restless")
    for _ in range(300):
        who = turns.choose(served)
        served[who] += 1
        if who == "restless" and leaves_first:
            turns.leave(who)
        turns.charge(who, 10 if who == "restless" else 1)
        if who == "restless":
            turns.leave(who)
            turns.join(who)
    assert served["a"] == pytest.approx(served["b"], abs=1)
    assert served["restless"] == pytest.approx(served["a"] / 10, abs=2)


def test_an_allowance_gives_so_much_a_second_and_a_burst() -> None:
    allowance = Allowance(rate=2, burst=3)
    assert [allowance.spend(1, 0.0) for _ in range(4)] == [True, True, True, False]
    assert not allowance.spend(1, 0.4)
    assert allowance.spend(1, 0.6)
    assert [allowance.spend(1, 100.0) for _ in range(4)] == [True, True, True, False]


# -- messages ------------------------------------------------------------------------------------------

LOOK = {"type": "look", "styles": {"udnie": 2, "great_wave": 1.5}, "strength": 0.5, "preserve_color": True}


def test_messages_are_read() -> None:
    look = protocol.parse_request(json.dumps(LOOK))
    assert look == protocol.LookWanted({"udnie": 2.0, "great_wave": 1.5}, 0.5, True)
    assert protocol.parse_request('{"type": "thumbnails", "from": 7}') == protocol.ThumbnailsWanted(7)
    assert protocol.parse_request('{"type": "got", "id": 7}') == protocol.Got(7)
    assert protocol.parse_request('{"type": "source", "photo": true}') == protocol.SourceShown(True)
    assert protocol.parse_request('{"type": "ping", "time": 0.5}') == protocol.Ping(0.5)
    assert protocol.parse_frame(b"\x01\x02\0\0jpeg") == (513, b"jpeg")


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "7", "null", '"look"', "{}", '{"type": 3}', '{"type": "stop"}', '{"type": ["look"]}',
        '{"type": "source"}', '{"type": "source", "photo": 1}',
        '{"type": "got"}', '{"type": "got", "id": true}', '{"type": "got", "id": -1}',
        '{"type": "got", "id": 1, "more": 1}', '{"type": "ping", "time": NaN}',
        '{"type": "ping", "time": 1e999}', f'{{"type": "ping", "time": 1{"0" * 400}}}',
        '{"type": "thumbnails", "from": "1"}',
        json.dumps(LOOK | {"styles": {}}), json.dumps(LOOK | {"styles": ["udnie"]}),
        json.dumps(LOOK | {"styles": {"udnie": -1}}), json.dumps(LOOK | {"styles": {"udnie": "1"}}),
        json.dumps(LOOK | {"strength": 1.01}), json.dumps(LOOK | {"strength": None}),
        json.dumps(LOOK | {"preserve_color": 1}), json.dumps(LOOK | {"extra": 1}),
        json.dumps({"type": "look"}), "[" * 5000, json.dumps(LOOK | {"styles": {"x" * 9000: 1}}),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        protocol.parse_request(text)


def test_a_frame_without_a_picture_is_refused() -> None:
    for data in (b"", b"\0\0\0", b"\0\0\0\0"):
        with pytest.raises(UserError):
            protocol.parse_frame(data)


def test_a_picture_says_how_long_it_took_as_far_as_there_is_room() -> None:
    message = protocol.picture_message(protocol.FRAME, 2**32 - 1, b"x", style=3, waited=0.0126, took=1e6)
    assert protocol.HEADER.unpack_from(message) == (protocol.FRAME, 3, 13, 65535, 2**32 - 1)
    assert message[protocol.HEADER.size :] == b"x"


# -- pictures ------------------------------------------------------------------------------------------


def as_bytes(pixels: np.ndarray, kind: str, mode: str = "RGB") -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(pixels).convert(mode).save(file, kind)
        return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGBA")]
)
def test_jpeg_and_webp_are_read(kind: str, mode: str) -> None:
    pixels = np.full((30, 50, 3), 120, np.uint8)
    decoded = decode(as_bytes(pixels, kind, mode))
    assert decoded.dtype == np.uint8
    assert decoded.shape == (30, 50, 3)
    assert decoded.flags.writeable  # PyTorch wants it
    assert np.abs(decoded.astype(int) - 120).max() < 12


def test_what_is_sent_can_be_read() -> None:
    pixels = photo_pixels(40, 60)
    assert np.abs(decode(encode(pixels)).astype(int) - pixels).mean() < 8


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(UserError, match="no JPEG or WebP"):
        decode(as_bytes(photo_pixels(8, 8), kind))


def test_damage_is_refused() -> None:
    whole = as_bytes(photo_pixels(64, 64), "JPEG")
    for data in (
        b"",
        b"\xff\xd8\xff",
        whole[: len(whole) // 2],
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"x" * 10000,
    ):
        with pytest.raises(UserError, match="no JPEG or WebP"):
            decode(data)


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    small = bytearray(as_bytes(photo_pixels(64, 64), "JPEG"))
    frame = small.index(b"\xff\xc0")
    small[frame + 5 : frame + 9] = b"\x13\x88\x13\x88"  # says it has 5000 x 5000 pixels
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("it was decoded"))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("it was decoded"))
    with pytest.raises(UserError, match="5000x5000"):
        decode(bytes(small))


# -- settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (Settings(host="0.0.0.0"), "--token"),
        (Settings(host="192.168.1.5"), "--token"),
        (Settings(host="example.org"), "--token"),
        (Settings(token="short"), "12 or more"),
        (Settings(token="with ümlauts and more"), "plain letters"),
        (Settings(port=70000), "--port"),
        (Settings(max_clients=0), "--max-clients"),
        (Settings(tls_key="key.pem"), "--tls-cert"),
    ],
)
def test_settings_that_let_strangers_in_or_cannot_be_are_refused(settings: Settings, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        settings.check()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_alone_needs_no_token(host: str) -> None:
    Settings(host=host).check()


def test_certificates_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        Settings(tls_cert=str(tmp_path / "none.pem")).tls()
    (tmp_path / "rubbish.pem").write_text("rubbish")
    with pytest.raises(UserError, match="cannot be used"):
        Settings(tls_cert=str(tmp_path / "rubbish.pem")).tls()


def test_addresses() -> None:
    assert Settings().url(8080) == "http://127.0.0.1:8080/"
    assert Settings(host="::1", tls_cert="c", token="t" * 12).url(1) == f"https://[::1]:1/?token={'t' * 12}"
    assert Settings(token="kQ+3x/9&#aLw1%==").url(1).endswith("/?token=kQ%2B3x%2F9%26%23aLw1%25%3D%3D")
    assert "0.0.0.0" not in Settings(host="0.0.0.0", token="t" * 12).url(1)


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(UserError, match=r"no address of this machine|cannot listen"):
        Settings(host="203.0.113.7", token="t" * 12).listen()
