"""The recipient's link over real HTTP: pressed by a real browser, called through the simulated PBX."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import zxingcpp

from maskservice.simulator import SimulatedPbx
from maskservice.simulator.story import Heard
from tests.browser import Page, browser, chromium_path
from tests.system.installation import Server, install, leaks, order, pbx_of, serving

RECIPIENT, COURIER, OTHER = "+886912876543", "+886987123654", "+886966554433"
PHONE, DESK = {"width": 375, "height": 812, "mobile": True}, {"width": 1280, "height": 800}


@dataclass
class Street:
    """A shop's two live orders of one recipient, each with its courier, and the PBX that carries the calls."""

    server: Server
    client: httpx.Client
    pbx: SimulatedPbx
    orders: list[dict[str, Any]]

    @property
    def number(self) -> str:
        number: str = self.orders[0]["virtual_number"]
        return number

    def link(self, place: int) -> str:
        """At this server: the configured address is what it was started with."""
        answer = self.client.post(f"/v1/bindings/{self.orders[place]['id']}/call-link")
        assert answer.status_code == 200
        url: str = answer.json()["url"]
        return url

    def reached(self) -> str:
        """Whom the recipient reaches by the number alone, '' where he is asked something."""
        story = self.pbx.call(RECIPIENT, self.number, keys=[])
        return "" if story.called is None else story.called.reveal()


@contextmanager
def street(home: Path, database_url: str) -> Iterator[Street]:
    installation = install(home, database_url)
    with (
        serving(installation) as server,
        httpx.Client(base_url=server.url, headers=installation.headers) as client,
        pbx_of(installation, server) as pbx,
    ):
        orders = [client.post("/v1/bindings", json=order(f"000{n}", phone="0912-876-543")).json() for n in (1, 2)]
        for made, courier in zip(orders, (COURIER, OTHER), strict=True):
            assert pbx.call(courier, made["masked_number"]).connected
        yield Street(server, client, pbx, orders)


@pytest.mark.slow
def test_a_link_leads_to_the_courier_of_its_order(tmp_path: Path, database_url: str) -> None:
    with street(tmp_path / "home", database_url) as there, httpx.Client() as anybody:
        menu = there.pbx.call(RECIPIENT, there.number, keys=[])
        links, said = [there.link(place) for place in (0, 1)], []
        for url in links:
            assert url.startswith(f"{there.server.url}/c/")
            said.append(anybody.get(url))
        looked = there.reached()
        reached = []
        for url in (*links, links[0]):
            said.append(anybody.post(url))
            assert f'href="tel:{there.number}"' in said[-1].text
            reached.append(there.reached())
        stranger = there.pbx.call("+886977111222", there.number, keys=[])
        story = there.pbx.call(RECIPIENT, f"tel:{there.number}")
        log = there.server.log.read_bytes()
    assert isinstance(menu.steps[0], Heard)
    assert (menu.connected, looked, stranger.connected) == (False, "", False)
    assert reached == [COURIER, OTHER, COURIER]
    assert (story.steps, story.called_shows) == ((), there.number)
    assert story.neither_saw_the_other
    for part in (*(each.content for each in said), log):
        assert leaks(part, (RECIPIENT, COURIER, OTHER)) == []
    assert not any(url.rpartition("/")[2].encode() in log for url in links)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Street, Page]]:
    """One server and one browser for all that is looked at."""
    chromium_path()
    place = tmp_path_factory.mktemp("page")
    with street(place / "home", f"sqlite:///{place}/maskservice.db") as there, browser(place / "profile") as page:
        page.speak("zh-TW")
        page.look(**PHONE)
        yield there, page


def focused(page: Page) -> str:
    return str(page.value("document.activeElement.textContent.trim()"))


@pytest.mark.slow
def test_by_the_keyboard_alone(shown: tuple[Street, Page]) -> None:
    there, page = shown
    page.go(there.link(1))
    assert there.reached() == ""
    for expected in ("English", "聯絡物流士"):
        page.press("Tab")
        assert focused(page) == expected
        # Where the keyboard is must be seen.
        assert page.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter", loads=True)
    assert page.value("document.querySelector('h1').textContent") == "可以撥打了"
    assert there.reached() == OTHER
    for expected in ("English", "撥打 0900-000000", "時間過了？再按一次"):
        page.press("Tab")
        assert focused(page) == expected


@pytest.mark.slow
def test_by_a_finger(shown: tuple[Street, Page]) -> None:
    there, page = shown
    page.go(there.link(0))
    page.tap("button")
    assert page.value("document.querySelector('a.main').href") == f"tel:{there.number}"
    assert there.reached() == COURIER
    page.tap("header a")
    # Another language is another look: the page before the button, in English.
    assert page.value("document.documentElement.lang") == "en"
    page.tap("button")
    assert page.value("document.querySelector('h1').textContent") == "You can call now"


STATES = ["order", "ready", "gone"]


def show(there: Street, page: Page, state: str) -> None:
    page.go(there.link(0) + ("x" if state == "gone" else ""))
    if state == "ready":
        page.tap("button")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh-TW", "en"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "screen", [{"width": 320, "height": 568, "mobile": True}, PHONE, DESK], ids=["320", "375", "desk"]
)
def test_it_fits_can_be_pressed_and_can_be_read(
    shown: tuple[Street, Page], screen: dict[str, Any], dark: bool, language: str
) -> None:
    there, page = shown
    page.look(**screen, dark=dark)
    page.speak(language)
    for state in STATES:
        show(there, page, state)
        # A policy violation or a missing style sheet would be told here; the 404 of the page itself is meant.
        assert [each for each in page.complaints() if "404" not in each or state != "gone"] == []
        assert page.value("document.documentElement.scrollWidth") <= screen["width"]
        # WCAG 2.2, 2.5.5: 44 CSS pixels.
        sizes = page.value("[...document.querySelectorAll('a, button')].map(e => e.getBoundingClientRect().toJSON())")
        assert min(each["height"] for each in sizes) >= 44, state
        if state != "gone":
            main = page.box(".main")
            assert main["height"] >= 64
            assert main["width"] >= min(screen["width"], 480) - 42
            # Without scrolling, on the smallest phone too.
            assert main["bottom"] <= screen["height"]
        assert min(contrasts(page)) >= 4.5, state
        assert (luminance(colours(page, "document.body", "backgroundColor")) < 0.5) is dark
    page.look(**PHONE)
    page.speak("zh-TW")


def colours(page: Page, element: str, what: str) -> tuple[float, float, float]:
    text = page.value(f"getComputedStyle({element}).{what}")
    red, green, blue = (float(each) for each in text[text.index("(") + 1 :].rstrip(")").split(",")[:3])
    return red, green, blue


def luminance(colour: tuple[float, float, float]) -> float:
    """WCAG 2.2, relative luminance."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (each / 255 for each in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


GROUND = """[...document.querySelectorAll('p, a, h1, h2, dt, dd, li, button')].map(e => {
  let under = e;
  while (getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)') under = under.parentElement;
  return [getComputedStyle(e).color, getComputedStyle(under).backgroundColor]
    .map(text => text.match(/[0-9.]+/g).slice(0, 3).map(Number));
})"""


def contrasts(page: Page) -> list[float]:
    """WCAG 2.2, 1.4.3, of every text on what lies under it."""
    found = []
    for ink, ground in page.value(GROUND):
        lighter, darker = sorted((luminance(tuple(ink)), luminance(tuple(ground))), reverse=True)
        found.append((lighter + 0.05) / (darker + 0.05))
    return found


@pytest.mark.slow
def test_the_printed_code_is_drawn_so_that_a_camera_reads_it(shown: tuple[Street, Page], tmp_path: Path) -> None:
    """The SVG as a browser draws it, on a dark page, by a reader of another make."""
    there, page = shown
    drawn = there.client.get(f"/v1/bindings/{there.orders[0]['id']}/call-link.svg").text
    (tmp_path / "slip.html").write_text(
        f'<!doctype html><meta charset="utf-8"><body style="background:#111">{drawn[drawn.index("<svg") :]}',
        encoding="utf-8",
    )
    page.look(width=400, height=400, dark=True)
    page.go((tmp_path / "slip.html").as_uri())
    width, height, grey = page.dots()
    (found,) = zxingcpp.read_barcodes(memoryview(grey).cast("B", shape=[height, width]))
    assert found.text == there.link(0)
    assert page.box("svg")["width"] == pytest.approx(22.5 / 25.4 * 96, abs=1)
    page.look(**PHONE)
