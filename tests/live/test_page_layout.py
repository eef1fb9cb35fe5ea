"""The page on screens of all sizes, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import CAMERAS, Visit


@pytest.mark.parametrize("size", [(390, 844), (375, 667), (320, 568)])
@pytest.mark.parametrize("cameras", [1, 3])
def test_a_phone_needs_no_scrolling_sideways_and_its_buttons_are_large_enough(
    browser: Any, served: str, size: tuple[int, int], cameras: int
) -> None:
    phone = {"viewport": {"width": size[0], "height": size[1]}, "has_touch": True, "is_mobile": True}
    with Visit(browser, served, CAMERAS, f"cameras.length = {cameras};", **phone) as visit:
        page = visit.page
        page.tap("#start")
        page.wait_for_selector("body[data-mode=live]")
        page.wait_for_selector("#turn-button", state="visible" if cameras > 1 else "hidden")
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        for button in page.query_selector_all(".tools .icon, .tile"):
            box = button.bounding_box()
            assert box is None or min(box["width"], box["height"]) >= 44
        tools = page.query_selector("#tools").bounding_box()
        assert tools["x"] >= 0
        assert tools["x"] + tools["width"] <= size[0]
        page.tap(".tile >> nth=1")
        assert page.get_attribute(".tile >> nth=1", "aria-checked") == "true"


@pytest.mark.parametrize("size", [(375, 553), (320, 480), (568, 320), (1000, 260)])
def test_on_the_smallest_screens_everything_of_the_start_page_can_be_reached(
    browser: Any, served: str, size: tuple[int, int]
) -> None:
    screen = {"viewport": {"width": size[0], "height": size[1]}}
    with Visit(browser, served, **screen) as visit:
        page = visit.page
        inside = """(element) => {
          element.scrollIntoView({block: "nearest"});
          const {top, bottom, left, right} = element.getBoundingClientRect();
          const seen = (y) => element.contains(document.elementFromPoint((left + right) / 2, y));
          return seen(top + 3) && seen(bottom - 3);
        }"""
        for part in ("#choose", ".switch", "#welcome h2", "#start"):
            assert page.eval_on_selector(part, inside), part
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        assert page.eval_on_selector(".switch", inside)
        assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("size", [(320, 568), (568, 320), (390, 844), (1280, 800)])
def test_the_bar_is_one_line_and_nothing_is_wider_than_the_screen(
    browser: Any, served: str, size: tuple[int, int]
) -> None:
    screen = {"viewport": {"width": size[0], "height": size[1]}, "is_mobile": size[0] < 800}
    with Visit(browser, served, **screen) as visit:
        page = visit.page
        page.click("#start")
        page.wait_for_selector("body[data-mode=live]")
        page.eval_on_selector("#fps", "(fps) => { fps.textContent = 30; }")
        page.eval_on_selector("#latency", "(latency) => { latency.textContent = 1234; }")
        assert page.eval_on_selector(".bar", "(bar) => bar.getBoundingClientRect().height") <= 56
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]
        assert page.evaluate("document.body.scrollHeight") == size[1]
        chosen = page.eval_on_selector_all(".pick select", "(lists) => lists.map((list) => list.clientWidth)")
        assert min(chosen) >= 110, "too narrow for a name"
        if size[1] >= 760:
            seen = "(element) => element.getBoundingClientRect().bottom <= innerHeight"
            assert page.eval_on_selector(".switch", seen)


@pytest.mark.parametrize("width", [320, 390, 820])
def test_words_on_the_start_page_are_no_wider_than_a_phone(browser: Any, served: str, width: int) -> None:
    with Visit(browser, served, viewport={"width": width, "height": 844}) as visit:
        page = visit.page
        name = "a rather long name of a file.mp4"
        page.set_input_files("#file", {"name": name, "mimeType": "video/mp4", "buffer": b"no video"})
        assert "no video that this browser can play" in visit.message()
        for part in ("#message", "#welcome h2", "#start", "#choose"):
            box = page.query_selector(part).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width


def test_a_notch_covers_nothing_and_phones_do_not_zoom_in(browser: Any, served: str) -> None:
    phone = {"viewport": {"width": 844, "height": 390}, "has_touch": True, "is_mobile": True}
    with Visit(browser, served, **phone) as visit:
        page = visit.page
        notch = {"insets": {"left": 59, "right": 59}}
        visit.context.new_cdp_session(page).send("Emulation.setSafeAreaInsetsOverride", notch)
        boxes = [page.query_selector(part).bounding_box() for part in (".brand", "#help-button", ".panel")]
        assert min(box["x"] for box in boxes) >= 59
        assert max(box["x"] + box["width"] for box in boxes) <= 844 - 59
        assert page.eval_on_selector("#first", "(list) => parseFloat(getComputedStyle(list).fontSize)") >= 16


def test_a_low_window_whose_start_page_fits_does_not_scroll(browser: Any, served: str) -> None:
    with Visit(browser, served, viewport={"width": 1280, "height": 400}) as visit:
        hidden = "(stage) => stage.scrollHeight - stage.clientHeight"
        assert visit.page.eval_on_selector("#stage", hidden) == 0
