"""The story: one order from its masked number to its end, over real HTTP with real signatures, then a morning's orders.

Answers for: the order of the scenes and what is said of them. Must not know: how the stage was built.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from maskservice.cli.call import call_back
from maskservice.cli.demo.cast import COURIER, SAMPLES, SHORT_POOL, WALKED
from maskservice.cli.demo.page import Page, local_time
from maskservice.cli.demo.shop_system import Platform
from maskservice.cli.demo.stage import MovedClock
from maskservice.simulator import Role, SimulatedPbx, narrate

_DIRECTIONS = {"to_recipient": "物流士→收件人", "to_courier": "收件人→物流士"}


def walk(page: Page, platform: Platform, pbx: SimulatedPbx, clock: MovedClock) -> None:
    """Issue, label, the courier's call, the call-back, delivery, and the call that is no longer put through."""
    page.step("發號 The shop hands over an order, and gets a masked number", request="POST /v1/bindings → 201")
    binding = platform.issue(WALKED)
    page.line(f"{WALKED.name}, {WALKED.phone_shown} → {binding['masked_number']}")

    page.step("標籤 The parcel's label is printed", request="GET /v1/bindings/{id}/label → 200 text/plain")
    page.panel("宅配單 delivery slip", platform.label(binding["id"]).strip(), style="yellow")
    page.line("The customer's phone does not appear on it. 客戶電話不會在宅配單上顯示。", style="dim")

    _move(page, clock, timedelta(hours=2), "+2 h")
    page.step("物流士撥打 The courier calls", request="POST /v1/pbx/{id}/calls, signed, one request a leg")
    reached = pbx.call(COURIER, binding["masked_number"])
    page.story(narrate(reached))

    _move(page, clock, timedelta(minutes=20), "+20 min")
    page.step("客戶回撥 The recipient calls back, keying nothing", request="POST /v1/pbx/{id}/calls")
    page.story(narrate(call_back(pbx, reached)))

    _move(page, clock, timedelta(hours=1), "+1 h")
    page.step("送達 The parcel is delivered", request="POST /v1/bindings/{id}/deliver → 200")
    delivered = platform.deliver(binding["id"])
    page.line(f"status {delivered['status']}; the number dies at {local_time(delivered['expires_at'])} 隱碼到期時間")

    rest = datetime.fromisoformat(delivered["expires_at"]) - clock.now() + timedelta(seconds=1)
    _move(page, clock, rest, f"+{rest / timedelta(hours=1):.0f} h")
    page.step("失效 The number has died: the same call again", request="POST /v1/pbx/{id}/calls")
    page.story(narrate(pbx.call(COURIER, binding["masked_number"], caller_is=Role.COURIER)))
    page.line(
        f"status {platform.binding(binding['id'])['status']}; a wrong extension sounds the same. 錯誤的分機聽來也一樣。"
    )
    _calls(page, platform, binding["id"])


def issue_samples(page: Page, platform: Platform) -> dict[str, Any]:
    """The sample orders, which live on; the one that is like the ministry's sample."""
    page.step("更多訂單 More orders, as they stand on Taiwanese orders", request="POST /v1/bindings → 201, GET …/label")
    shown: dict[str, Any] = {}
    for order in SAMPLES:
        binding = platform.issue(order)
        if order.pool == SHORT_POOL:
            shown = binding
        page.line(f"{order.name}  {order.phone_shown}  {order.remark}", style="dim")
        page.line(f"→ {platform.label(binding['id']).strip()}")
    return shown


def _move(page: Page, clock: MovedClock, by: timedelta, said: str) -> None:
    clock.move(by)
    page.clock(said, clock.now())


def _calls(page: Page, platform: Platform, binding_id: str) -> None:
    page.step("紀錄 What is kept of the calls", request="GET /v1/calls?binding_id=… → 200")
    rows = [
        (local_time(each["started_at"]), _DIRECTIONS.get(each["direction"] or "", "–"), str(each["outcome"]))
        for each in platform.calls(binding_id)
    ]
    page.table(("台北時間 time", "方向 direction", "結果 outcome"), rows)
    page.line("The third call met the dead number: not connected. 第三通來電時隱碼已失效，未接通。", style="dim")
