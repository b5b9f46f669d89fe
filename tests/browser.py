"""A real Chromium, driven over its own debugging pipe: no driver, no network, nothing to install but the browser.

Answers for: pages, keys, screenshots, what the page measures. Must not know: what a test asserts.
Chrome DevTools Protocol over file descriptors 3 and 4, one JSON object a message, each ended by a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

NO_BROWSER = "NO BROWSER"
_PATIENCE_S = 30
_FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--mute-audio", "--hide-scrollbars", "--no-proxy-server",
)  # fmt: skip

# Puts the pipe's ends where the browser looks for them, whatever their numbers are here: first out of each other's way.
_HAND_OVER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3]]
for end, place in zip(ends, (3, 4)):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""


def chromium_path() -> str:
    """Skips the test where there is no browser; the closing summary says so."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        # A package that only points to another store has the name and not the browser.
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return found
    if os.environ.get("MASKSERVICE_TEST_REQUIRE_BROWSER"):
        pytest.fail("no Chromium is installed, and MASKSERVICE_TEST_REQUIRE_BROWSER is set")
    pytest.skip(f"{NO_BROWSER}: there is no chromium, chromium-browser or google-chrome on this machine.")


@dataclass
class Page:
    """One tab."""

    _to: int
    _from: int
    _session: str = ""
    _ids: count[int] = field(default_factory=lambda: count(1))
    _unread: bytes = b""
    said: list[dict[str, Any]] = field(default_factory=list)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        message: dict[str, Any] = {"id": next(self._ids), "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == message["id"]:
                assert "error" not in heard, heard
                result: dict[str, Any] = heard["result"]
                return result
            self.said.append(heard)

    def _hear(self) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(deadline - time.monotonic(), 0))
            assert ready, "the browser said nothing"
            got = os.read(self._from, 1 << 16)
            assert got, "the browser went away"
            self._unread += got
        line, _, self._unread = self._unread.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def open_tab(self) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Network", "Runtime"):
            self.send(f"{domain}.enable")

    def look(self, *, width: int, height: int, dark: bool = False, mobile: bool = False) -> None:
        """Which screen the page is seen on."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def speak(self, languages: str) -> None:
        self.send("Network.setExtraHTTPHeaders", headers={"Accept-Language": languages})

    def go(self, url: str) -> None:
        self._loads(lambda: self.send("Page.navigate", url=url))

    def press(self, key: str, *, loads: bool = False) -> None:
        codes = {"Tab": 9, "Enter": 13}

        def keyed() -> None:
            more = {"text": "\r"} if key == "Enter" else {}
            common = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
            self.send("Input.dispatchKeyEvent", type="keyDown", **common, **more)
            self.send("Input.dispatchKeyEvent", type="keyUp", **common)

        if loads:
            self._loads(keyed)
        else:
            keyed()

    def tap(self, selector: str) -> None:
        """Presses the middle of it, and waits for the next page."""
        box = self.box(selector)
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}

        def pressed() -> None:
            for kind in ("mousePressed", "mouseReleased"):
                self.send("Input.dispatchMouseEvent", type=kind, **at)

        self._loads(pressed)

    def _loads(self, act: Any) -> None:
        self.said.clear()
        act()
        while not any(each.get("method") == "Page.loadEventFired" for each in self.said):
            self.said.append(self._hear())

    def value(self, expression: str) -> Any:
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def box(self, selector: str) -> dict[str, float]:
        found: dict[str, float] = self.value(
            f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()"
        )
        return found

    def complaints(self) -> list[str]:
        """What the console said since the page began to load: policy violations, files that were not found."""
        self.send("Runtime.evaluate", expression="0")
        entries = [each["params"]["entry"] for each in self.said if each.get("method") == "Log.entryAdded"]
        return [entry["text"] for entry in entries]

    def dots(self) -> tuple[int, int, bytes]:
        """What is seen, as width, height and a grey byte a dot: through the page's own canvas, so that no PNG has to be
        read here. For pages without a policy of their own."""
        shot = base64.b64encode(self.picture()).decode()
        self.send(
            "Runtime.evaluate",
            awaitPromise=True,
            expression=f"""(async () => {{
          const image = new Image(); image.src = "data:image/png;base64,{shot}"; await image.decode();
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.width, image.height];
          const context = canvas.getContext("2d"); context.drawImage(image, 0, 0);
          const all = context.getImageData(0, 0, image.width, image.height).data;
          window.seen = [image.width, image.height, [...all].filter((_, at) => at % 4 == 1)];
        }})()""",
        )
        width, height, grey = self.value("window.seen")
        return width, height, bytes(grey)

    def picture(self) -> bytes:
        """The whole page as PNG."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A browser of its own, with an empty profile."""
    path = chromium_path()
    hers_in, ours_out = os.pipe()
    ours_in, hers_out = os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            _HAND_OVER,
            str(hers_in),
            str(hers_out),
            path,
            *_FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        pass_fds=(hers_in, hers_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(hers_in)
    os.close(hers_out)
    try:
        page = Page(ours_out, ours_in)
        page.open_tab()
        yield page
        page._session = ""
        page.send("Browser.close")
        process.wait(_PATIENCE_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours_out)
        os.close(ours_in)
