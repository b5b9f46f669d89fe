"""``tenant``: platforms and what each of them has set.

Answers for: options to a policy and back. Must not know: how a tenant is stored.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import timedelta
from typing import Any

import click
import phonenumbers

from maskservice.cli.key import SCOPES
from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, print_facts, print_json, print_rows, when
from maskservice.domain.errors import NotFound
from maskservice.services.ports import Ports
from maskservice.services.records import ALL_SCOPES, Scope, Tenant, TenantPolicy
from maskservice.services.tenants import change_tenant, create_tenant, list_tenants
from maskservice.settings import Settings

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def _country(ctx: click.Context, param: click.Parameter, codes: tuple[str, ...]) -> frozenset[str]:
    upper = frozenset(code.upper() for code in codes)
    if not upper <= phonenumbers.SUPPORTED_REGIONS:
        raise click.BadParameter("write an ISO 3166 code of two letters, such as HK", ctx, param)
    return upper


def _one_character(ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    if text is not None and (len(text) != 1 or unicodedata.category(text)[0] in "CZM"):
        raise click.BadParameter("give one visible character", ctx, param)
    return text


_POLICY_OPTIONS = (
    click.option("--care-line", metavar="PHONE", help="Where a call-back goes that belongs to no live order."),
    click.option(
        "--country",
        "countries",
        multiple=True,
        metavar="HK",
        callback=_country,
        help="Also accept phones of this country.",
    ),
    click.option("--grace-hours", type=click.IntRange(0, 24 * 365), help="Life after delivery; 72 unless given."),
    click.option(
        "--max-life-days", type=click.IntRange(1, 3650), help="Life without a delivery report; 60 unless given."
    ),
    click.option(
        "--contact-hours",
        type=click.IntRange(1, 24 * 365),
        help="How long a call-back finds the courier; 72 unless given.",
    ),
    click.option("--mask", callback=_one_character, metavar="C", help="Mask character of names, as in 陳O美."),
    click.option(
        "--latin-mask", callback=_one_character, metavar="C", help="The same for Latin letters, as in J*** S****."
    ),
)


def _policy_options(command: Any) -> Any:
    for option in reversed(_POLICY_OPTIONS):
        command = option(command)
    return command


@click.group(
    epilog=examples(
        "maskservice tenant create 示範商店",
        "maskservice tenant list",
        "maskservice tenant change 示範商店 --grace-hours 48",
    )
)
def tenant() -> None:
    """Platforms that issue masked numbers."""


@tenant.command(
    epilog=examples(
        "maskservice tenant create 示範商店",
        "maskservice tenant create 示範商店 --pool parcels --care-line 02-2345-6789 --country HK",
        "maskservice tenant create 標籤機 --scope labels:read --json",
    )
)
@click.argument("name")
@click.option(
    "--pool", "pools", multiple=True, metavar="NAME", help="Let it use this pool; may be given several times."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    help="Narrow its first key; all scopes unless given.",
)
@_policy_options
@json_option
def create(
    name: str, *, pools: tuple[str, ...], scopes: tuple[str, ...], care_line: str | None, as_json: bool, **given: Any
) -> None:
    """Create a tenant and its first API key, which is shown once."""
    settings = Settings.load()
    start = TenantPolicy(mask=settings.mask, latin_mask=settings.latin_mask)
    with opened(settings) as ports:
        made = create_tenant(
            name,
            policy=_changed(start, given),
            care_line=care_line,
            pools=pools,
            scopes=frozenset(map(Scope, scopes)) or ALL_SCOPES,
            ports=ports,
        )
    if as_json:
        key = {"key_id": made.key.id, "api_key": made.api_key, "scopes": sorted(made.key.scopes)}
        print_json({**_facts(made.tenant), **key, "pools": list(pools)})
        return
    print_facts(
        f"Tenant {made.tenant.name} created.",
        {
            "tenant_id": made.tenant.id,
            "api_key": made.api_key,
            "key_id": made.key.id,
            "scopes": " ".join(sorted(made.key.scopes)),
            "pools": ", ".join(pools) or "the shared ones",
        },
    )
    note(
        "The API key is shown this once and stored nowhere: keep it now. 'maskservice key create' replaces a lost one."
    )


@tenant.command("list", epilog=examples("maskservice tenant list", "maskservice tenant list --json"))
@json_option
def list_(*, as_json: bool) -> None:
    """Show every tenant with what it has set."""
    with opened() as ports:
        tenants = list_tenants(ports)
    if as_json:
        print_json({"data": [_facts(each) for each in tenants]})
        return
    rows = [
        (
            each.name,
            each.id,
            f"{each.policy.grace // _HOUR} h",
            f"{each.policy.longest_life // _DAY} d",
            " ".join(sorted(each.policy.countries)) or "–",
            "yes" if each.care_line else "no",
        )
        for each in tenants
    ]
    columns = ("name", "tenant_id", "grace", "life", "countries", "care line")
    print_rows(columns, rows, empty="There is no tenant yet. Next: maskservice tenant create NAME")


@tenant.command(
    epilog=examples(
        "maskservice tenant change 示範商店 --grace-hours 48",
        "maskservice tenant change 示範商店 --care-line 02-2345-6789",
    )
)
@click.argument("name")
@click.option("--no-care-line", is_flag=True, help="Take the care line away.")
@click.option("--no-countries", is_flag=True, help="Accept Taiwanese phones only.")
@_policy_options
@json_option
def change(
    name: str, *, care_line: str | None, no_care_line: bool, no_countries: bool, as_json: bool, **given: Any
) -> None:
    """Change what a tenant has set; what is not named stays. Living bindings keep their dates."""
    if care_line is not None and no_care_line:
        raise click.UsageError("Give --care-line or --no-care-line, not both.")
    if not (
        care_line or no_care_line or no_countries or any(value for value in given.values()) or given["grace_hours"] == 0
    ):
        raise click.UsageError("Name what is to change, for instance --grace-hours 48.")
    with opened() as ports:
        before = _named(name, ports).policy
        if no_countries:
            before = replace(before, countries=frozenset())
        policy = _changed(before, given)
        after = change_tenant(name, policy=policy, care_line=care_line, drop_care_line=no_care_line, ports=ports)
    if as_json:
        print_json(_facts(after))
    else:
        shown = {key: "–" if value in (None, []) else value for key, value in _facts(after).items()}
        print_facts(f"Tenant {after.name} changed.", shown)


def _named(name: str, ports: Ports) -> Tenant:
    found = next((each for each in list_tenants(ports) if name in (each.name, each.id)), None)
    if found is None:
        raise NotFound("There is no tenant of this name. 'maskservice tenant list' shows them.")
    return found


def _changed(policy: TenantPolicy, given: dict[str, Any]) -> TenantPolicy:
    if given["grace_hours"] is not None:
        policy = replace(policy, grace=given["grace_hours"] * _HOUR)
    if given["max_life_days"] is not None:
        # A binding without a delivery report dies at its maximum life (product.md), so the two are one.
        life = given["max_life_days"] * _DAY
        policy = replace(policy, longest_life=life, default_life=life)
    if given["contact_hours"] is not None:
        policy = replace(policy, contact_life=given["contact_hours"] * _HOUR)
    if given["countries"]:
        policy = replace(policy, countries=given["countries"])
    return replace(policy, mask=given["mask"] or policy.mask, latin_mask=given["latin_mask"] or policy.latin_mask)


def _facts(each: Tenant) -> dict[str, object]:
    """Stable keys for ``--json``. The care line is a real number: only whether there is one is told."""
    return {
        "tenant_id": each.id,
        "name": each.name,
        "created_at": when(each.created_at),
        "grace_hours": each.policy.grace // _HOUR,
        "max_life_days": each.policy.longest_life // _DAY,
        "contact_hours": each.policy.contact_life // _HOUR,
        "countries": sorted(each.policy.countries),
        "mask": each.policy.mask,
        "latin_mask": each.policy.latin_mask,
        "care_line": each.care_line is not None,
    }
