"""``key``: a tenant's API keys.

Answers for: showing a key once. Must not know: how it is stored.
"""

from __future__ import annotations

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, print_facts, print_json, print_rows, when
from maskservice.services.records import ALL_SCOPES, ApiKey, Scope
from maskservice.services.tenants import issue_key, list_keys, revoke_key

# As texts: click would take the names of an enumeration's members.
SCOPES = sorted(scope.value for scope in Scope)


@click.group(
    epilog=examples(
        "maskservice key create 示範商店 --scope labels:read --label 標籤機",
        "maskservice key list 示範商店",
        "maskservice key revoke key_…",
    )
)
def key() -> None:
    """API keys of a tenant. (The key ring that encrypts numbers is `maskservice keys`.)"""


@key.command(
    epilog=examples(
        "maskservice key create 示範商店",
        "maskservice key create 示範商店 --scope bindings:read --scope labels:read --json",
    )
)
@click.argument("tenant")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="What it may do; all scopes unless given.",
)
@click.option("--label", default="", metavar="TEXT", help="What it is for, to tell keys apart.")
@json_option
def create(tenant: str, *, scopes: tuple[str, ...], label: str, as_json: bool) -> None:
    """Create a further API key of a tenant, which is shown once."""
    if len(label) > 60 or not label.isprintable():
        raise click.BadParameter("a label has up to 60 printable characters", param_hint="--label")
    with opened() as ports:
        made, text = issue_key(tenant, scopes=frozenset(map(Scope, scopes)) or ALL_SCOPES, label=label, ports=ports)
    if as_json:
        print_json({**_facts(made), "api_key": text})
        return
    facts = {"key_id": made.id, "api_key": text, "scopes": " ".join(sorted(made.scopes)), "label": made.label or "–"}
    print_facts("API key created.", facts)
    note("The API key is shown this once and stored nowhere: keep it now.")


@key.command("list", epilog=examples("maskservice key list 示範商店", "maskservice key list 示範商店 --json"))
@click.argument("tenant")
@json_option
def list_(tenant: str, *, as_json: bool) -> None:
    """Show a tenant's keys: their last characters and what they may do, never the keys."""
    with opened() as ports:
        found = list_keys(tenant, ports=ports)
    if as_json:
        print_json({"data": [_facts(each) for each in found]})
        return
    rows = [
        (
            each.id,
            f"…{each.hint}",
            each.label or "–",
            "all" if each.scopes == ALL_SCOPES else " ".join(sorted(each.scopes)),
            "revoked" if each.revoked_at else "valid",
        )
        for each in found
    ]
    print_rows(
        ("key_id", "key", "label", "scopes", "state"),
        rows,
        empty="This tenant has no key. Next: maskservice key create TENANT",
    )


@key.command(epilog=examples("maskservice key revoke key_…"))
@click.argument("key_id")
@json_option
def revoke(key_id: str, *, as_json: bool) -> None:
    """Revoke a key: it opens nothing from now on."""
    with opened() as ports:
        revoke_key(key_id, ports=ports)
    if as_json:
        print_json({"key_id": key_id, "revoked": True})
    else:
        click.echo(f"Key {key_id} is revoked.")


def _facts(each: ApiKey) -> dict[str, object]:
    return {
        "key_id": each.id,
        "tenant_id": each.tenant_id,
        "label": each.label,
        "hint": each.hint,
        "scopes": sorted(each.scopes),
        "created_at": when(each.created_at),
        "revoked_at": when(each.revoked_at),
    }
