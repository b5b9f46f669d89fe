"""``courier``: a tenant's roster.

Answers for: what an operator types and reads of it; a PIN is shown once, a phone by its last digits. Must not know: how
a courier is stored. Importing a whole list is ``courier_import.py``.
"""

from __future__ import annotations

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, print_facts, print_json, print_rows, when
from maskservice.domain.phone import read_phone
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.roster import add_courier, list_couriers, remove_courier, renew_pin
from maskservice.services.roster_judging import CourierDraft
from maskservice.services.roster_views import CourierView
from maskservice.services.tenants import tenant_named

_PAGE = 200
_ONCE = "The PIN is shown this once and stored nowhere: give it to the courier now. 'courier pin' makes a new one."

tenant_option = click.option("--tenant", "tenant_name", required=True, metavar="NAME", help="Whose it is.")


def tenant_of(name: str, ports: Ports) -> Tenant:
    """Raises NotFound."""
    with ports.unit(write=False) as uow:
        return tenant_named(name, uow)


@click.group(
    epilog=examples(
        "maskservice courier add 王大明 --tenant 示範商店 --carrier 黑貓宅急便 --phone 0987-654-321",
        "maskservice courier import roster.csv --tenant 示範商店 --results results.csv",
        "maskservice courier list --tenant 示範商店",
    )
)
def courier() -> None:
    """The roster: who may call where a tenant asks for enrolled or assigned couriers."""


@courier.command(
    epilog=examples(
        "maskservice courier add 王大明 --tenant 示範商店 --carrier 黑貓宅急便 --phone 0987-654-321",
        "maskservice courier add 林一 --tenant 示範商店 --carrier 新竹物流 --phone 0955-000-111 --phone 02-2345-6789",
        "maskservice courier add 替班 --tenant 示範商店 --carrier 黑貓宅急便 --pin auto      # no phone of his own",
    )
)
@click.argument("name")
@tenant_option
@click.option("--carrier", required=True, metavar="NAME", help="For whom the courier drives.")
@click.option("--phone", "phones", multiple=True, metavar="PHONE", help="Calls from it; may be given several times.")
@click.option("--pin", metavar="auto|DIGITS", help="4 to 8 digits, or auto to have one made; none unless given.")
@json_option
def add(name: str, *, tenant_name: str, carrier: str, phones: tuple[str, ...], pin: str | None, as_json: bool) -> None:
    """Put a courier on the roster."""
    with opened() as ports:
        draft = CourierDraft(name, carrier, tuple(map(read_phone, phones)), pin)
        made = add_courier(tenant_of(tenant_name, ports), draft, ports).view
    _told(f"Courier {made.name} is on the roster.", made, as_json=as_json)


@courier.command("list", epilog=examples("maskservice courier list --tenant 示範商店 --carrier 黑貓宅急便"))
@tenant_option
@click.option("--carrier", metavar="NAME", help="Those of this carrier.")
@json_option
def list_(*, tenant_name: str, carrier: str | None, as_json: bool) -> None:
    """Show the roster, newest first: masked names, last digits of phones."""
    found: list[CourierView] = []
    with opened() as ports:
        tenant = tenant_of(tenant_name, ports)
        page = list_couriers(tenant, limit=_PAGE, carrier=carrier, ports=ports)
        found += page.rows
        while page.next is not None:
            page = list_couriers(tenant, limit=_PAGE, before=page.next, carrier=carrier, ports=ports)
            found += page.rows
    if as_json:
        print_json({"data": [facts(each) for each in found]})
        return
    rows = [(each.id, each.name, each.carrier, _shown(each.phones), "yes" if each.has_pin else "no") for each in found]
    empty = "Nobody is on this roster. Next: maskservice courier add NAME --tenant NAME --carrier NAME --phone PHONE"
    print_rows(("courier_id", "name", "carrier", "phones", "PIN"), rows, empty=empty)


@courier.command(epilog=examples("maskservice courier pin cou_… --tenant 示範商店"))
@click.argument("courier_id")
@tenant_option
@json_option
def pin(courier_id: str, *, tenant_name: str, as_json: bool) -> None:
    """Give a courier a new PIN, which is shown once; the old one is wrong from now on."""
    with opened() as ports:
        changed = renew_pin(tenant_of(tenant_name, ports), courier_id, ports=ports)
    _told(f"Courier {changed.name} has a new PIN.", changed, as_json=as_json)


@courier.command(epilog=examples("maskservice courier remove cou_… --tenant 示範商店"))
@click.argument("courier_id")
@tenant_option
@json_option
def remove(courier_id: str, *, tenant_name: str, as_json: bool) -> None:
    """Take a courier off the roster; name, phones, PIN and assignments are forgotten at once."""
    with opened() as ports:
        remove_courier(tenant_of(tenant_name, ports), courier_id, ports=ports)
    if as_json:
        print_json({"courier_id": courier_id, "removed": True})
    else:
        click.echo(f"Courier {courier_id} is off the roster.")


def facts(each: CourierView) -> dict[str, object]:
    """Stable keys for ``--json``."""
    return {
        "courier_id": each.id,
        "name": each.name,
        "carrier": each.carrier,
        "phones": [{"last3": last3} for last3 in each.phones],
        "has_pin": each.has_pin,
        "created_at": when(each.created_at),
    }


def _told(title: str, each: CourierView, *, as_json: bool) -> None:
    if as_json:
        print_json({**facts(each), "pin": each.pin})
        return
    shown = {"courier_id": each.id, "carrier": each.carrier, "phones": _shown(each.phones), "pin": each.pin or "–"}
    print_facts(title, shown)
    if each.pin is not None:
        note(_ONCE)


def _shown(phones: tuple[str, ...]) -> str:
    return " ".join(f"…{last3}" for last3 in phones) or "–"
