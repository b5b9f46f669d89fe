"""``demo``: from nothing to a running service on the embedded database, with one order's life told on the way.

Answers for: the order of setting up, telling, and serving. Must not know: what is told.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from maskservice.app import Initialised, create_app, initialise
from maskservice.cli.demo import cast
from maskservice.cli.demo.page import Page
from maskservice.cli.demo.setting import Shop, fill_pools, open_shop, plug_in_pbx
from maskservice.cli.demo.shop_system import Platform, fresh_order_id
from maskservice.cli.demo.stage import MovedClock, served
from maskservice.cli.demo.walk import issue_samples, walk
from maskservice.cli.opening import close_app, opened, quiet
from maskservice.cli.output import console, examples
from maskservice.cli.serve import become_server, gunicorn_configuration, load_with_bind, require_free, url_of
from maskservice.cli.simulator_file import Credentials, write_credentials
from maskservice.settings import Settings
from maskservice.simulator import SimulatedPbx

# What the walk needs beside the shop's grace.
_BEFORE_DELIVERY = timedelta(hours=4)


@click.command(
    epilog=examples(
        "maskservice demo",
        "maskservice demo --bind 127.0.0.1:8080",
        "MASKSERVICE_HOME=/tmp/mask maskservice demo --no-serve",
    )
)
@click.option("--serve/--no-serve", default=True, help="Serve afterwards, or end.  [default: serve]")
@click.option("--bind", metavar="HOST:PORT", help="Where to listen; MASKSERVICE_BIND or 127.0.0.1:8000 unless given.")
@click.pass_context
def demo(ctx: click.Context, *, serve: bool, bind: str | None) -> None:
    """From nothing to a running service, with sample orders and the life of one of them told on the way.

    May be run again: the shop gets a further key, the orders fresh ids. The walk is played on a clock of its own, which
    is moved; the service that stays runs on the real one.
    """
    settings = load_with_bind(bind)
    configuration = gunicorn_configuration()
    if serve:
        require_free(settings.bind)
    page = Page(console())
    made = initialise(quiet(settings))
    with opened(settings) as ports:
        shop = open_shop(settings, ports)
        fill_pools(ports)
        secret = plug_in_pbx(ports)
    credentials = Credentials(secret.pbx.id, secret.secret, url_of(settings.bind))
    simulator_json = write_credentials(settings, credentials)
    _opening(page, made, shop)
    live = _play(page, settings, shop, credentials)
    _closing(page, settings, shop, live, command=_command(ctx), simulator_json=simulator_json, serve=serve)
    if serve:
        # Two workers and readable lines are what a demo needs; whoever has set them otherwise keeps that.
        environment = {"MASKSERVICE_WORKERS": "2", "MASKSERVICE_LOG_FORMAT": "console"}
        become_server(
            settings, configuration, **{name: os.environ.get(name, value) for name, value in environment.items()}
        )


def _play(page: Page, settings: Settings, shop: Shop, credentials: Credentials) -> dict[str, Any]:
    clock = MovedClock(behind=shop.grace + _BEFORE_DELIVERY)
    app = create_app(quiet(settings), clock=clock)
    try:
        with (
            served(app) as url,
            Platform(url, shop.api_key) as platform,
            SimulatedPbx(url, credentials.pbx_id, credentials.secret, clock=clock.now, wait=clock.wait) as pbx,
        ):
            walk(page, platform, pbx, clock)
            clock.set_right()
            page.line("⏱ 時鐘恢復 From here on the clock is the real one.", style="magenta")
            return issue_samples(page, platform)
    finally:
        close_app(app)


def _opening(page: Page, made: Initialised, shop: Shop) -> None:
    page.panel(
        "maskservice · 物流隱碼 logistics phone masking",
        "A masked number stands on the parcel in place of the customer's phone.",
        "Courier and customer reach each other through it; neither sees the other's.",
        "包裹上印的是隱碼，不是客戶電話；物流士與客戶互相撥打，都看不到對方的號碼。",
    )
    page.line(f"資料庫 database   {_short(made.database)} ({'created' if made.migrated else 'found'})")
    page.line(f"金鑰環 key ring   {_short(made.keyring)} ({'created' if made.keyring_created else 'found'})")
    page.line(f"商店 tenant       {cast.SHOP} ({'created' if shop.is_new else 'found, with a further key'})")
    page.line(f"號碼池 pools      {cast.SHORT_POOL} (4-digit extensions), {cast.LONG_POOL} (6 and a check digit)")
    page.line(f"交換機 PBX        {cast.PBX_NAME}, simulated: real HTTP, real signatures")
    hours = (shop.grace + _BEFORE_DELIVERY) // timedelta(hours=1)
    page.line(
        f"⏪ 時鐘已調整 The walk's clock is its own: set back {hours} h, then moved.",
        style="magenta",
    )


def _closing(
    page: Page, settings: Settings, shop: Shop, live: dict[str, Any], *, command: str, simulator_json: Path, serve: bool
) -> None:
    url = url_of(settings.bind)
    body = (
        f'{{"order_id":"{fresh_order_id()}","recipient":{{"name":"林大華",\n'
        '       "phone":"0955-666-777","address":"台北市信義區市府路1號"},"pool":"demo"}'
    )
    page.step("換你試試 Now try it yourself")
    if not serve:
        page.line("First start the service 請先啟動服務:")
        page.copyable(f"{command} serve --bind {settings.bind}")
    page.line(f"API docs 文件       {url}/docs")
    page.line("API key 金鑰 (shown once 只顯示一次):")
    page.copyable(shop.api_key)
    page.line("The first request, in a second terminal 第一個請求，請另開終端機:")
    page.copyable(
        f"curl -s {url}/v1/bindings \\",
        f"  -H 'Authorization: Bearer {shop.api_key}' \\",
        "  -H 'Content-Type: application/json' \\",
        f"  -d '{body}'",
    )
    page.line("A courier's call, with the call-back 物流士撥打與客戶回撥:")
    page.copyable(f"{command} call {cast.COURIER} '{live['masked_number']}' --callback")
    where = "" if simulator_json.is_absolute() else "Run it in this folder: "
    page.line(f"({where}{simulator_json} holds the simulated PBX's secret.)", style="dim")
    if serve:
        page.line(f"Serving on {url} … Ctrl-C ends it. 服務中，按 Ctrl-C 結束。", style="bold")


def _command(ctx: click.Context) -> str:
    """How this program is called from here: by its name where the shell finds it, else as it was called."""
    called = ctx.find_root().info_name or "maskservice"
    program = Path(sys.argv[0])
    if program.name == called and shutil.which(called) is None:
        called = shlex.quote(str(program))
    home = os.environ.get("MASKSERVICE_HOME")
    return f"MASKSERVICE_HOME={shlex.quote(home)} {called}" if home else called


def _short(place: str) -> str:
    """A file's path, below the current folder without it: shorter, and the reader is there."""
    return place.removeprefix("sqlite+pysqlite:///").removeprefix(f"{Path.cwd()}/")
