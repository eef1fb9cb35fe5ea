"""The server with viewers of all kinds: who gets in, what each is served, and who is shown out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Coroutine

import numpy as np
import pytest
from aiohttp import WSServerHandshakeError
from aiohttp.test_utils import make_mocked_request
from helpers import photo_pixels
from webpage import WAIT, Guest, RawGuest, Reception, jpeg, near, reception

from style_transfer.live.controls import Scene
from style_transfer.live.web import door, viewer
from style_transfer.live.web.frames import decode
from style_transfer.live.web.guard import Guard
from style_transfer.live.web.server import Page
from style_transfer.live.web.settings import Settings
from style_transfer.live.web.studio import Studio
from style_transfer.media.camera import Shot
from style_transfer.media.mailbox import Mailbox
from style_transfer.runtime.stylizer import Stylizer

TOKEN = "open sesame, please"


def run(scenario: Coroutine[object, object, None]) -> None:
    asyncio.run(scenario)


# -- who gets in ---------------------------------------------------------------------------------------


def test_the_page_and_its_files_come_with_headers_that_bind_the_browser(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer) as there:
            for path, kind in (
                ("/", "text/html"),
                ("/main.js", "text/javascript"),
                ("/style.css", "text/css"),
            ):
                answer = await there.client.get(path)
                assert answer.status == 200
                assert answer.content_type == kind
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
            for path in ("/nothing.js", "/server.py", "/..%2fserver.py", "/%2e%2e/server.py"):
                answer = await there.client.get(path)
                assert answer.status == 404
                assert "Content-Security-Policy" in answer.headers
            assert (await there.client.post("/", data=b"x")).status == 405
            assert (await there.client.get("/ws", headers={"Origin": there.origin})).status == 426

    run(scenario())


def test_another_address_of_this_machine_answers_to_its_own_name() -> None:
    guard = Guard(Settings(host="127.0.0.2"), secure=False)
    for host, refused in (("127.0.0.2:8080", False), ("localhost", False), ("127.0.0.3", True)):
        request = make_mocked_request("GET", "/", headers={"Host": host})
        assert bool(guard._refusal_of_name(request)) is refused


def test_names_and_origins_of_others_are_refused(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer) as there:
            port = there.client.port
            for host in (
                "evil.example",
                f"evil.example:{port}",
                "",
                "127.0.0.1.evil.example",
                "[",
                "localhost@evil",
            ):
                assert (await there.client.get("/", headers={"Host": host})).status == 403
            for host in (f"localhost:{port}", "127.0.0.1", f"[::1]:{port}", f"LOCALHOST:{port}"):
                assert (await there.client.get("/", headers={"Host": host})).status == 200
            strangers = [
                "http://evil.example",
                "null",
                f"http://127.0.0.1:{port + 1}",
                "",
                f"{there.origin}.evil.example",
                "http://[",
            ]
            for origin in strangers:
                with pytest.raises(WSServerHandshakeError) as refused:
                    await there.client.ws_connect("/ws", origin=origin)
                assert refused.value.status == 403
                assert (await there.client.get("/", headers={"Origin": origin})).status == 403
            with pytest.raises(WSServerHandshakeError):
                await there.client.ws_connect("/ws")
            assert (await there.guest()).welcome["type"] == "welcome"

    run(scenario())


def test_nonsense_fills_no_terminal(stylizer: Stylizer, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        studio = Studio(stylizer)
        page = Page(studio, Settings(), Scene((1.0, 0.0, 0.0)))
        listening, stopped = socket.create_server(("127.0.0.1", 0)), asyncio.Event()
        serving = asyncio.create_task(page.serve(listening, None, stopped.is_set))
        for nonsense in (b"GET /" + b"x" * 9000, b"GET / HTTP/9.9", b"GET / HTTP/1.1\r\nContent-Length: -5"):
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(nonsense + b"\r\n\r\n")
            assert b" 400 " in await asyncio.wait_for(reader.readline(), 30)
            writer.close()
        stopped.set()
        await serving

    run(scenario())
    assert not caplog.records


def test_without_the_token_nobody_gets_in(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer, host="0.0.0.0", token=TOKEN) as there:
            get = there.client.get
            for path in ("/", "/main.js", "/ws", "/?token=", "/?token=wrong", f"/main.js?token={TOKEN}"):
                answer = await get(path)
                assert answer.status == 401
                assert TOKEN not in await answer.text()
            with pytest.raises(WSServerHandshakeError) as refused:
                await there.guest()
            assert refused.value.status == 401
            answer = await get("/", params={"token": TOKEN}, allow_redirects=False)
            assert answer.status == 303
            assert answer.headers["Location"] == "/"
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
            assert TOKEN not in cookie
            # aiohttp keeps no cookies of bare addresses, as browsers do.
            pass_ = {"Cookie": cookie.split(";")[0]}
            assert (await get("/main.js", headers=pass_)).status == 200
            socket = await there.client.ws_connect("/ws", origin=there.origin, headers=pass_)
            assert (await socket.receive_json())["type"] == "welcome"

    run(scenario())


def test_who_says_nothing_at_the_door_takes_nobody_s_place(
    stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_PLACES", 8)
    monkeypatch.setattr(door, "_PATIENCE", 1.5)
    settings = Settings(port=0, max_clients=1)

    async def scenario() -> None:
        studio = Studio(stylizer)
        page = Page(studio, settings, Scene((1.0, 0.0, 0.0)))
        listening = settings.listen()
        port, ended = listening.getsockname()[1], False
        serving = asyncio.create_task(page.serve(listening, None, lambda: ended))
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(13)]
        # There is no room for the last, which is let go at once.
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.wait_for(silent[-1][0].read(), 1.0) == b""
        await asyncio.sleep(0.2)
        for reader, _ in silent:  # nor, after a while, for any that says nothing
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), WAIT) == b""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):  # who asks may stay
            writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT)
            assert head.startswith(b"HTTP/1.1 200")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            await asyncio.sleep(2.0)
        ended = True
        await asyncio.wait_for(serving, WAIT)
        for _, stream in [*silent, (reader, writer)]:
            stream.close()

    run(scenario())


def test_when_all_places_are_taken_one_has_to_wait(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer, max_clients=2) as there:
            first, _ = await there.guest(), await there.guest()
            late = await there.client.ws_connect("/ws", origin=there.origin)
            message = await asyncio.wait_for(late.receive(), WAIT)
            assert late.close_code == 1013
            assert "all 2 places" in message.extra
            await first.socket.close()
            await there.emptied(1)
            assert (await there.guest()).welcome["type"] == "welcome"

    run(scenario())


# -- what they are served ------------------------------------------------------------------------------


def test_each_viewer_has_a_look_of_its_own(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        photo = jpeg(photo_pixels(48, 64))
        async with reception(stylizer) as there:
            one, two = await there.guest(), await there.guest()
            assert [style["name"] for style in one.welcome["styles"]] == stylizer.model.style_names
            await two.look({"the_scream": 3.0})
            for guest in (one, two):
                await guest.show(7, photo)
            for guest, style in ((one, "great_wave"), (two, "the_scream")):
                number, painting = await guest.painting()
                assert number == 7
                assert near(painting, stylizer(decode(photo), stylizer.make_look(style)))
            await one.look({"great_wave": 1.0, "the_scream": 1.0}, strength=0.5)
            await one.show(8, photo)
            _, painting = await one.painting()
            mix = stylizer.make_look("great_wave,the_scream", strength=0.5)
            assert near(painting, stylizer(decode(photo), mix))

    run(scenario())


def test_thumbnails_pings_and_mistakes_are_answered(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer) as there:
            guest = await there.guest()
            await guest.say(type="ping", time=12.5)
            assert (await guest.next("pong"))["time"] == 12.5
            await guest.look({"grate_wave": 1.0})
            assert "did you mean 'great_wave'" in (await guest.next("error"))["message"]
            await guest.say(type="thumbnails", **{"from": 1})
            await guest.show(1, jpeg(photo_pixels(48, 64)))
            styles = [(await guest.next(2))[0] for _ in range(3)]
            assert styles == [0, 1, 2]

    run(scenario())


def test_of_frames_that_come_too_fast_only_the_newest_is_painted(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer, painting=False) as there:
            guest = await there.guest()
            for number in range(1, 30):
                await guest.show(number, jpeg(photo_pixels(24, 32, seed=number)))
            await guest.say(type="ping", time=0)
            await guest.next("pong")
            there.studio.start()
            assert (await guest.painting())[0] == 29
            await guest.show(30, jpeg(photo_pixels(24, 32)))
            assert (await guest.painting())[0] == 30

    run(scenario())


# -- who is shown out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rubbish", ["{", '{"type": "look"}', b"\0\0\0\0not a picture", b""], ids=range(4))
def test_who_keeps_sending_rubbish_is_shown_out(stylizer: Stylizer, rubbish: str | bytes) -> None:
    async def scenario() -> None:
        async with reception(stylizer) as there:
            guest = await there.guest()
            send = guest.socket.send_str if isinstance(rubbish, str) else guest.socket.send_bytes
            for _ in range(4):
                await send(rubbish)
                await guest.next("error")
            await send(rubbish)
            assert await guest.closed() == 1008
            await there.emptied()

    run(scenario())


def test_huge_messages_and_floods_end_it(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer) as there:
            guest = await there.guest()
            await guest.socket.send_bytes(bytes(3 << 20))
            assert await guest.closed() == 1009
            guest = await there.guest()
            with contextlib.suppress(ConnectionError):  # it may be gone before all is said
                for _ in range(1000):
                    await guest.say(type="ping", time=0)
            assert await guest.closed() == 1013  # come again: a line that stalled does as much
            raw = await RawGuest.enter(there)
            raw.socket.sendall(b"\x82\xff" + (1 << 40).to_bytes(8, "big") + bytes(4))  # a terabyte to come
            while await asyncio.to_thread(raw.socket.recv, 4096):
                pass
            raw.socket.close()
            await there.emptied()
            assert (await there.guest()).welcome

    run(scenario())


def test_who_stops_reading_is_shown_out(stylizer: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "_STALLED", 0.5)
    picture = jpeg(np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8))

    async def scenario() -> None:
        async with reception(stylizer) as there:
            raw = await RawGuest.enter(there)
            message = raw.message(b"\1\0\0\0" + picture)

            def flood() -> None:
                while True:
                    raw.socket.sendall(message)
                    time.sleep(0.02)

            with pytest.raises(OSError, match=r"reset|pipe|aborted"):
                await asyncio.to_thread(flood)
            raw.socket.close()
            await there.emptied()

    run(scenario())


def test_who_goes_half_way_is_forgotten(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        async with reception(stylizer) as there:
            raw, other = await RawGuest.enter(there), await RawGuest.enter(there)
            message = raw.message(b"\1\0\0\0" + jpeg(photo_pixels(240, 320)))
            raw.socket.sendall(message[: len(message) // 2])
            other.socket.sendall(message)
            for guest in (raw, other):
                guest.socket.close()
            await there.emptied()
            assert there.studio._seats == set()

    run(scenario())


async def share(guest: Guest, picture: bytes, counts: list[int], mine: int, enough: asyncio.Event) -> None:
    """Count the paintings that a well-behaved page gets until everyone has enough."""
    while not enough.is_set():
        await guest.show(counts[mine], picture)
        await guest.painting()
        counts[mine] += 1
        if min(counts) >= 10:
            enough.set()


async def misbehave(there: Reception, enough: asyncio.Event) -> int:
    """Large frames that are not read, wrong JSON, connections broken without a word, over and over."""
    large = jpeg(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8))
    visits = 0
    while not enough.is_set():
        guest = await there.guest()
        with contextlib.suppress(ConnectionError, RuntimeError):
            for number in range(20):
                await guest.show(number, large)
                await guest.socket.send_str("wrong" * (number % 4))
                await asyncio.sleep(0.01)
        visits += 1
        guest.socket._response.close()
    return visits


def test_seven_share_fairly_beside_a_hostile_one(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        picture = jpeg(photo_pixels(48, 64))
        async with reception(stylizer, max_clients=20) as there:
            honest = [await there.guest() for _ in range(7)]
            counts, enough = [0] * 7, asyncio.Event()
            pages = [share(guest, picture, counts, n, enough) for n, guest in enumerate(honest)]
            *_, visits = await asyncio.wait_for(asyncio.gather(*pages, misbehave(there, enough)), 2 * WAIT)
            assert visits > 0
            assert max(counts) < 2 * min(counts)
            await there.emptied(7)
            assert (await there.guest()).welcome  # and the server is there

    run(scenario())


# -- the server's own camera ---------------------------------------------------------------------------


class FakeCamera:
    def __init__(self) -> None:
        self.shots: Mailbox[Shot] = Mailbox()


def test_the_servers_camera_is_shown_to_everyone_and_no_faster_than_they_look(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        camera = FakeCamera()
        photo = photo_pixels(48, 64)
        async with reception(stylizer, camera=camera) as there:
            one, two = await there.guest(), await there.guest()
            assert one.welcome["source"] == "server"
            await two.look({"starry_night": 1.0})
            await two.say(type="ping", time=0)
            await two.next("pong")
            for _ in range(6):
                camera.shots.put(Shot(photo, time.perf_counter()))
                await there.page._show_camera()
                await asyncio.sleep(0.1)
            for guest, style in ((one, "great_wave"), (two, "starry_night")):
                numbers = []
                for _ in range(2):
                    number, painting = await guest.painting()
                    numbers.append(number)
                    assert near(painting, stylizer(photo, stylizer.make_look(style)))
                assert numbers == [1, 2]
            await one.say(type="got", id=2)
            await one.say(type="ping", time=0)
            await one.next("pong")  # nothing came between: none was sent without being asked for
            camera.shots.put(Shot(photo, time.perf_counter()))
            await there.page._show_camera()
            assert (await one.painting())[0] == 3
            camera.shots.close()
            assert await there.page._show_camera()

    run(scenario())


def test_at_the_end_everyone_is_told(stylizer: Stylizer) -> None:
    async def scenario() -> None:
        from aiohttp import ClientSession

        settings = Settings(port=0)
        page = Page(Studio(stylizer), settings, Scene((1.0, 0.0, 0.0)))
        listening = settings.listen()
        port = listening.getsockname()[1]
        stopped = False
        serving = asyncio.create_task(page.serve(listening, None, lambda: stopped))
        async with ClientSession() as session:
            url = f"http://127.0.0.1:{port}"
            socket = await session.ws_connect(f"{url}/ws", origin=url)
            assert json.loads((await socket.receive()).data)["type"] == "welcome"
            stopped = True
            await asyncio.wait_for(socket.receive(), WAIT)
            assert socket.close_code == 1001
            await asyncio.wait_for(serving, WAIT)
        assert not page.viewers

    run(scenario())
