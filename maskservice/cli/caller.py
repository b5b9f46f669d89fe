"""``caller``: a tenant's block and allow lists.

Answers for: what an operator types and reads of them; a number is shown by its last digits. Must not know: how a call
is decided by a rule.
"""

from __future__ import annotations

import click

from maskservice.cli.courier import tenant_of, tenant_option
from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, print_json, print_rows, when
from maskservice.domain.caller_rule import RuleDirection, Verdict
from maskservice.domain.ids import BindingId
from maskservice.domain.phone import read_phone
from maskservice.services.caller_rules import RuleView, SetRule, delete_rule, list_rules, set_rule

_PAGE = 200
_DONE = {Verdict.BLOCK: "blocked", Verdict.ALLOW: "allowed"}

_binding_option = click.option("--binding", metavar="ID", help="Of this binding only; of all unless given.")
_direction_option = click.option(
    "--direction",
    type=click.Choice([each.value for each in RuleDirection]),
    default=RuleDirection.BOTH.value,
    show_default=True,
    help="For calls to the recipient, for call-backs, or for both.",
)


@click.group(
    epilog=examples(
        "maskservice caller block 0955-000-111 --tenant 示範商店",
        "maskservice caller allow 02-2345-6789 --tenant 示範商店 --direction to_recipient",
        "maskservice caller list --tenant 示範商店",
    )
)
def caller() -> None:
    """Block and allow lists, of a tenant or of one of its bindings."""


@caller.command(
    epilog=examples(
        "maskservice caller block 0955-000-111 --tenant 示範商店",
        "maskservice caller block 0955-000-111 --tenant 示範商店 --binding bnd_… --direction to_recipient",
    )
)
@click.argument("phone")
@tenant_option
@_binding_option
@_direction_option
@json_option
def block(phone: str, *, tenant_name: str, binding: str | None, direction: str, as_json: bool) -> None:
    """Block a caller; the same phone again changes its rule."""
    _set(phone, Verdict.BLOCK, tenant_name=tenant_name, binding=binding, direction=direction, as_json=as_json)


@caller.command(epilog=examples("maskservice caller allow 02-2345-6789 --tenant 示範商店"))
@click.argument("phone")
@tenant_option
@_binding_option
@_direction_option
@json_option
def allow(phone: str, *, tenant_name: str, binding: str | None, direction: str, as_json: bool) -> None:
    """Allow a caller; the same phone again changes its rule."""
    _set(phone, Verdict.ALLOW, tenant_name=tenant_name, binding=binding, direction=direction, as_json=as_json)


@caller.command("list", epilog=examples("maskservice caller list --tenant 示範商店 --binding bnd_…"))
@tenant_option
@_binding_option
@json_option
def list_(*, tenant_name: str, binding: str | None, as_json: bool) -> None:
    """Show the rules, newest first."""
    place = None if binding is None else BindingId.parse(binding)
    found: list[RuleView] = []
    with opened() as ports:
        tenant = tenant_of(tenant_name, ports)
        page = list_rules(tenant, limit=_PAGE, binding_id=place, ports=ports)
        found += page.rows
        while page.next is not None:
            page = list_rules(tenant, limit=_PAGE, before=page.next, binding_id=place, ports=ports)
            found += page.rows
    if as_json:
        print_json({"data": [_facts(each) for each in found]})
        return
    rows = [
        (each.id, f"…{each.last3}", each.to_recipient or "–", each.to_courier or "–", each.binding_id or "all")
        for each in found
    ]
    empty = "There is no rule. Next: maskservice caller block PHONE --tenant NAME"
    print_rows(("rule_id", "caller", "to recipient", "to courier", "binding"), rows, empty=empty)


@caller.command(epilog=examples("maskservice caller remove rule_… --tenant 示範商店"))
@click.argument("rule_id")
@tenant_option
@json_option
def remove(rule_id: str, *, tenant_name: str, as_json: bool) -> None:
    """Take a rule back."""
    with opened() as ports:
        delete_rule(tenant_of(tenant_name, ports), rule_id, ports=ports)
    if as_json:
        print_json({"rule_id": rule_id, "removed": True})
    else:
        click.echo(f"Rule {rule_id} is gone.")


def _set(phone: str, verdict: Verdict, *, tenant_name: str, binding: str | None, direction: str, as_json: bool) -> None:
    place = None if binding is None else BindingId.parse(binding)
    with opened() as ports:
        command = SetRule(read_phone(phone), verdict, RuleDirection(direction), place)
        done = set_rule(tenant_of(tenant_name, ports), command, ports)
    if as_json:
        print_json({**_facts(done.view), "created": done.created})
        return
    where = "the tenant's bindings" if place is None else "this binding"
    click.echo(f"Caller …{done.view.last3} is {_DONE[verdict]} on {where} ({direction}; {done.view.id}).")


def _facts(each: RuleView) -> dict[str, object]:
    return {
        "rule_id": each.id,
        "phone": {"last3": each.last3},
        "binding_id": None if each.binding_id is None else str(each.binding_id),
        "to_recipient": each.to_recipient,
        "to_courier": each.to_courier,
        "created_at": when(each.created_at),
    }
