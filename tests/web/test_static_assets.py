"""The vendored files of the docs page are the ones that were reviewed, and nothing on the page needs another host."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[2] / "maskservice" / "web"
ASSETS = WEB / "static" / "swagger-ui"
OURS = {"README.txt", "SHA256SUMS", "docs.css", "docs.js"}
SUMS = {line[66:]: line[:64] for line in (ASSETS / "SHA256SUMS").read_text("utf-8").splitlines()}
PAGE = (WEB / "templates" / "docs.html").read_text("utf-8")


def test_every_file_is_either_ours_or_has_a_checksum() -> None:
    assert {path.name for path in ASSETS.iterdir()} == OURS | set(SUMS)


@pytest.mark.parametrize("name", sorted(SUMS))
def test_a_vendored_file_is_as_it_came(name: str) -> None:
    assert hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() == SUMS[name]


def test_the_page_names_only_files_that_exist() -> None:
    named = re.findall(r'\{\{ static_base \}\}/([^"]+)"', PAGE)
    assert set(named) >= {"swagger-ui.css", "swagger-ui-bundle.js", "docs.js", "docs.css"}
    assert [name for name in named if not (ASSETS / name).is_file()] == []


@pytest.mark.parametrize(
    "forbidden",
    [
        r"<script(?![^>]*\bsrc=)",  # inline script
        r"<style|\sstyle=",  # inline style
        r"\son[a-z]+=",  # inline event handler
        r"(?:src|href)=\"(?!\{\{|#)",  # an address that does not come from the application
    ],
)
def test_the_page_needs_no_exception_in_the_content_security_policy(forbidden: str) -> None:
    assert re.search(forbidden, PAGE, re.IGNORECASE) is None


@pytest.mark.parametrize("name", ["docs.js", "docs.css"])
def test_our_own_files_name_no_other_host(name: str) -> None:
    assert re.search(r"(?:https?:)?//[a-z0-9]", (ASSETS / name).read_text("utf-8"), re.IGNORECASE) is None
