"""A recipient's link over HTTP: for its platform, and as the page that anybody may open."""

from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
import zxingcpp
from werkzeug.test import TestResponse

from maskservice.domain.errors import DatabaseUnavailable
from maskservice.services import tenants
from maskservice.services.records import TenantPolicy
from maskservice.web.call_page import POLICY
from maskservice.web.call_page_words import WORDS
from maskservice.web.qr_codes import qr_svg
from tests.web.conftest import COURIER, PUBLIC_URL, Site, X

RECIPIENT, OTHER = "+886912345678", "+886911222333"
SVG_TITLE = "{http://www.w3.org/2000/svg}title"


def link(site: Site, made: dict[str, Any], **more: Any) -> str:
    """The link's path."""
    answer = site.ask("POST", f"/v1/bindings/{made['id']}/call-link", **more)
    assert answer.status_code == 200, answer.text
    url: str = answer.json["url"]
    return url.removeprefix(PUBLIC_URL)


def reached(site: Site, made: dict[str, Any], courier: str = COURIER) -> None:
    """A courier calls the recipient."""
    call_id = f"reached-{made['extension']}"
    site.call(call_id=call_id, caller=courier)
    assert site.call(made["extension"], call_id=call_id, caller=courier)["action"] == "connect"


class Seen(HTMLParser):
    """What stands on a page: its text, its tags with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags = "", []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag]


# -- for the platform -------------------------------------------------------------------------------------------------


def test_the_link_is_at_the_public_address_and_the_same_every_time(site: Site) -> None:
    made = site.bind()
    answers = [site.ask("POST", f"/v1/bindings/{made['id']}/call-link", body) for body in (None, {}, {})]
    assert {each.status_code for each in answers} == {200}
    assert answers[0].json == answers[1].json == answers[2].json
    assert re.fullmatch(re.escape(PUBLIC_URL) + r"/c/[A-Za-z0-9_-]{52}", answers[0].json["url"])
    assert answers[0].json["expires_at"] == made["expires_at"]
    assert site.ask("POST", f"/v1/bindings/{made['id']}/call-link", {"x": 1}).status_code == 422


@pytest.mark.parametrize(
    ("method", "form"), [("POST", ""), ("GET", ".svg"), ("GET", ".png")]
)  # fmt: skip
def test_what_is_anothers_or_has_ended_has_no_link(site: Site, method: str, form: str) -> None:
    path = f"/v1/bindings/{site.bind()['id']}/call-link{form}"
    answer = site.ask(method, path, key=site.another_tenant())
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert site.ask(method, f"/v1/bindings/bnd_x/call-link{form}").status_code == 404
    site.ask("DELETE", path.rpartition("/")[0])
    answer = site.ask(method, path)
    assert (answer.status_code, answer.json["code"]) == (409, "binding_not_live")


def read_png(answer: TestResponse) -> str:
    """By another library than the one that wrote it. A grey PNG of one bit a dot; its rows stand as they are, or as
    the difference from the row above."""
    import struct
    import zlib

    content, at, packed = answer.data, 8, b""
    width = height = 0
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at : at + 8])
        chunk = content[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert (depth, colour) == (1, 0)
        elif kind == b"IDAT":
            packed += chunk
        at += size + 12
    rows, stride = zlib.decompress(packed), (width + 7) // 8 + 1
    dots, above = bytearray(), bytes(stride - 1)
    for row in range(height):
        line = rows[row * stride : (row + 1) * stride]
        assert line[0] in (0, 2)
        above = bytes((byte + (up if line[0] else 0)) % 256 for byte, up in zip(line[1:], above, strict=True))
        bits = "".join(f"{byte:08b}" for byte in above)[:width]
        dots += bytes(255 if bit == "1" else 0 for bit in bits)
    return read_dots(bytes(dots), width, height)


def read_dots(dots: bytes, width: int, height: int) -> str:
    (found,) = zxingcpp.read_barcodes(memoryview(dots).cast("B", shape=[height, width]))
    text: str = found.text
    return text


def test_the_png_is_read_by_another_reader(site: Site) -> None:
    made = site.bind()
    answer = site.ask("GET", f"/v1/bindings/{made['id']}/call-link.png")
    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert read_png(answer) == PUBLIC_URL + link(site, made)


def test_the_svg_has_a_title_a_quiet_zone_and_the_same_code(site: Site) -> None:
    made = site.bind()
    answer = site.ask("GET", f"/v1/bindings/{made['id']}/call-link.svg")
    assert (answer.status_code, answer.content_type) == (200, "image/svg+xml")
    drawn = ElementTree.fromstring(answer.data)
    assert drawn.get("role") == "img"
    assert [each.text for each in drawn.iter(SVG_TITLE)] == ["聯絡物流士，訂單末四碼 9001"]
    assert drawn.get("width", "").endswith("mm")
    side = round(float(drawn.get("width", "").removesuffix("mm")) / 0.5)
    dots = bytearray(b"\xff" * side * side)
    path = next(each for each in drawn.iter() if each.get("stroke") == "#000").get("d", "")
    x, y = 0.0, 0.0
    for verb, numbers in re.findall(r"([Mmh])([-0-9. ]+)", path):
        given = [float(each) for each in re.findall(r"-?[0-9.]+", numbers)]
        if verb == "h":
            for column in range(int(x), int(x + given[0])):
                dots[int(y) * side + column] = 0
            x += given[0]
        else:
            x, y = (given[0], given[1]) if verb == "M" else (x + given[0], y + given[1])
    assert all(dots[at] == 255 for row in range(4) for at in range(row * side, row * side + side))
    assert all(dots[row * side + column] == 255 for row in range(side) for column in range(4))
    # A reader wants more than one dot a module.
    wide = b"".join(
        bytes(dot for dot in dots[row * side : (row + 1) * side] for _ in range(4)) * 4 for row in range(side)
    )
    assert read_dots(wide, side * 4, side * 4) == PUBLIC_URL + link(site, made)


def test_a_title_is_text_in_the_svg() -> None:
    drawn = ElementTree.fromstring(qr_svg("x", title='<script>"&'))
    assert [each.text for each in drawn.iter(SVG_TITLE)] == ['<script>"&']


# -- the page ---------------------------------------------------------------------------------------------------------


def test_looking_gives_nothing_and_the_button_gives_the_pass(site: Site) -> None:
    first, second = site.bind("A-1111"), site.bind("B-2222")
    reached(site, first)
    reached(site, second, OTHER)
    path = link(site, first)
    for method in ("GET", "HEAD", "GET"):
        assert site.ask(method, path, key=None).status_code == 200
    assert site.call(call_id="menu", caller=RECIPIENT)["prompt"]["id"] == "choose_order"
    pressed = site.ask("POST", path, key=None)
    assert pressed.status_code == 200
    assert site.call(call_id="back", caller=RECIPIENT)["connect"]["to"] == COURIER
    site.clock.move(seconds=180)
    assert site.call(call_id="late", caller=RECIPIENT)["action"] == "gather"


def test_the_page_shows_the_order_and_one_button(site: Site) -> None:
    made = site.bind()
    page = Seen(site.ask("GET", link(site, made), key=None).text)
    for shown in ("示範商店", "陳O美", "9001", "聯絡物流士"):
        assert shown in page.text
    assert page.attributes("form") == [{"method": "post"}]
    assert len(page.attributes("button")) == 1
    assert page.attributes("html") == [{"lang": "zh-Hant-TW"}]
    for hidden in (made["extension"], made["order_id"], "陳小美", "敦化", made["id"], "912345678"):
        assert hidden not in page.text


def test_after_the_button_the_number_can_be_tapped_and_read(site: Site) -> None:
    made = site.bind()
    page = Seen(site.ask("POST", link(site, made), key=None).text)
    assert {"href": f"tel:{X}", "class": "main"} in page.attributes("a")
    for shown in ("0900-000000", "請在三分鐘內，用您留給商店的電話撥打", "16:03:00", "用別的電話撥打", "9001"):
        assert shown in page.text
    assert made["extension"] not in page.text.replace("9001", "").replace("0900-000000", "")


def test_an_order_without_four_digits_has_no_way_by_another_phone(site: Site) -> None:
    page = Seen(site.ask("POST", link(site, site.bind("A-1")), key=None).text)
    assert "用別的電話撥打" not in page.text
    assert "None" not in page.text


@pytest.mark.parametrize(
    ("asked", "query", "language"),
    [
        (None, "", "zh"),
        ("zh-TW,zh;q=0.9,en;q=0.5", "", "zh"),
        ("zh-Hant-TW", "", "zh"),
        ("en-US,en;q=0.9", "", "en"),
        ("en;q=0.3,zh;q=0.9", "", "zh"),
        ("vi,id;q=0.9", "", "zh"),
        ("vi,en;q=0.2", "", "en"),
        ("en", "?lang=zh", "zh"),
        ("zh-TW", "?lang=en", "en"),
        ("en", "?lang=<script>", "en"),
        (";;;\xff", "?fbclid=x", "zh"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_language_is_the_one_asked_for(
    site: Site, method: str, asked: str | None, query: str, language: str
) -> None:
    headers = {} if asked is None else {"Accept-Language": asked}
    for path, status in ((link(site, site.bind()), 200), ("/c/nowhere", 404)):
        answer = site.ask(method, path + query, key=None, headers=headers)
        page, words = Seen(answer.text), WORDS[language]
        assert answer.status_code == status
        assert page.attributes("html") == [{"lang": words.language}]
        assert answer.headers["Content-Language"] == words.language
        assert f"?lang={words.other}" in [each["href"] for each in page.attributes("a")]
        assert (words.gone in page.text) is (status == 404)
        assert "Accept-Language" in answer.headers["Vary"]


def test_both_languages_say_everything() -> None:
    for words in WORDS.values():
        assert all(bool(getattr(words, name)) for name in words.__slots__)
        assert "".join(words.steps).count("{tail}") == "".join(words.steps).count("{number}") == 1
        assert "{until}" in words.until


@pytest.mark.parametrize("shop", ["<script>alert(1)</script>", '"onload="x', "A&B {{ 7*7 }}", "店</dd><h1>假"])
def test_a_shops_name_is_text(site: Site, shop: str) -> None:
    key = site.another_tenant(shop)
    answer = site.ask("POST", "/v1/bindings", {**order_of("<b>1234</b>")}, key=key)
    assert answer.status_code == 201, answer.text
    path = link(site, answer.json, key=key)
    usual = Seen(site.ask("GET", link(site, site.bind()), key=None).text)
    page = Seen(site.ask("GET", path, key=None).text)
    assert shop in page.text
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in usual.tags]


def order_of(order_id: str) -> dict[str, Any]:
    return {"order_id": order_id, "recipient": {"name": "<i>陳小美", "phone": "0955-667-788"}}


def test_every_page_is_closed_to_scripts_frames_caches_and_indexes(site: Site) -> None:
    path = link(site, site.bind())
    answers = [site.ask(method, each, key=None) for method in ("GET", "POST") for each in (path, "/c/nowhere")]
    site.units.failure = DatabaseUnavailable()
    answers += [site.ask(method, path, key=None) for method in ("GET", "POST")]
    assert [each.status_code for each in answers] == [200, 404, 200, 404, 503, 503]
    for answer in answers:
        assert answer.content_type == "text/html; charset=utf-8"
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        page = Seen(answer.text)
        assert not page.attributes("script") + page.attributes("style") + page.attributes("img")
        assert not [name for _, found in page.tags for name in found if name == "style" or name.startswith("on")]
    assert "unsafe" not in POLICY
    assert "script-src" not in POLICY
    assert POLICY.startswith("default-src 'none'")


def test_its_one_file_is_there_also_below_another_path(site: Site) -> None:
    """The address is relative: a proxy may put the service below a path of its own."""
    page = Seen(site.ask("GET", link(site, site.bind()), key=None).text)
    (sheet,) = page.attributes("link")
    assert sheet == {"rel": "stylesheet", "href": "../static/call-page.css"}
    answer = site.client.get("/static/call-page.css")
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert not re.search(r"(?:https?:)?//[a-z0-9]|url\(|@import", answer.text)
    answer.close()


# -- what leads nowhere -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_forged_garbled_dead_and_locked_links_are_one_page(site: Site, method: str) -> None:
    locked, released, expired, live = (site.bind(name) for name in ("L", "R", "E", "V"))
    paths = [link(site, each) for each in (locked, released, expired)]
    live_path, other = link(site, live), paths[0]
    site.ask("POST", f"/v1/bindings/{locked['id']}/lock", {})
    site.ask("DELETE", f"/v1/bindings/{released['id']}")
    site.ask("PATCH", f"/v1/bindings/{expired['id']}", {"expires_in": 60})
    site.clock.move(seconds=60)
    paths += [
        "/c/x", "/c/%00", "/c/..%5c", "/c/" + "A" * 52, "/c/" + "A" * 4000, "/c/%E9%99%B3", live_path[:-1],
        live_path + "=", live_path[:-1] + ("A" if live_path[-1] != "A" else "B"), live_path[:34] + other[34:],
        other[:34] + live_path[34:], f"/c/{live['id']}",
    ]  # fmt: skip
    answers = [site.ask(method, path, key=None) for path in paths]
    assert {each.status_code for each in answers} == {404}
    assert len({each.data for each in answers}) == 1
    own = {"X-Request-Id"}
    assert len({frozenset((name, value) for name, value in each.headers if name not in own) for each in answers}) == 1
    assert site.ask(method, live_path, key=None).status_code == 200


def test_a_key_changes_nothing(site: Site) -> None:
    path = link(site, site.bind())
    pages = [site.ask("GET", path, key=key).data for key in (None, site.api_key, site.another_tenant())]
    assert len(set(pages)) == 1


def test_whatever_fails_a_person_is_shown_a_page(site: Site, logged: io.StringIO) -> None:
    path = link(site, site.bind())
    site.units.failure = DatabaseUnavailable()
    for method in ("GET", "POST"):
        answer = site.ask(method, path, key=None)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert WORDS["zh"].later in answer.text
    site.units.failure = ValueError(RECIPIENT)
    assert site.ask("POST", path, key=None).status_code == 503
    assert RECIPIENT not in logged.getvalue()


def test_the_log_and_the_metrics_never_hold_a_token(site: Site, logged: io.StringIO) -> None:
    path = link(site, site.bind())
    site.ask("GET", path, key=None)
    site.ask("POST", path, key=None)
    token = path.rpartition("/")[2]
    assert token not in logged.getvalue()
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [each["route"] for each in lines if each["event"] == "request"][-2:] == ["/c/<token>"] * 2
    assert token not in site.client.get("/metrics").text


def test_a_tenant_with_a_care_line_is_reached_before_any_courier(site: Site) -> None:
    with site.app.app_context():
        made = tenants.create_tenant(
            "有客服", policy=TenantPolicy(), care_line="02-2345-6789", pools=(), ports=site.ports
        )
    bound = site.ask("POST", "/v1/bindings", order_of("A-1234"), key=made.api_key).json
    site.ask("POST", link(site, bound, key=made.api_key), key=None)
    assert site.call(caller="+886955667788")["connect"]["to"] == "+886223456789"
