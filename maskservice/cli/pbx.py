"""``pbx``: the switchboards that may ask where a call goes, and their secrets.

Answers for: showing a secret once; giving the simulated PBX its credentials. Must not know: how a secret is sealed.
"""

from __future__ import annotations

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, print_facts, print_json, print_rows, when
from maskservice.cli.simulator_file import Credentials, write_credentials
from maskservice.domain.errors import NameTaken
from maskservice.services.pbxs import NATIVE, NewSecret, create_pbx, list_pbxs, revoke_pbx, revoke_secret, rotate_secret
from maskservice.settings import Settings

_for_simulator = click.option(
    "--for-simulator",
    is_flag=True,
    help="Also write simulator.json (mode 0600) in the home folder, for `maskservice call`.",
)


@click.group(
    epilog=examples(
        "maskservice pbx create taipei-1",
        "maskservice pbx create simulated --for-simulator",
        "maskservice pbx rotate taipei-1",
    )
)
def pbx() -> None:
    """PBXs that ask where calls go."""


@pbx.command(
    epilog=examples(
        "maskservice pbx create taipei-1",
        "maskservice pbx create simulated --for-simulator",
        "maskservice pbx create kaohsiung-1 --json",
    )
)
@click.argument("name")
@click.option(
    "--dialect", type=click.Choice([NATIVE]), default=NATIVE, show_default=True, help="How it asks and is answered."
)
@_for_simulator
@json_option
def create(name: str, *, dialect: str, for_simulator: bool, as_json: bool) -> None:
    """Create a PBX and its secret, which is shown once."""
    settings = Settings.load()
    with opened(settings) as ports:
        try:
            made = create_pbx(name, dialect=dialect, ports=ports)
        except NameTaken as taken:
            step = "'maskservice pbx rotate NAME' gives it a further secret, also with --for-simulator."
            raise click.ClickException(f"{taken.detail} {step}") from None
    _show("created", made, settings, for_simulator=for_simulator, as_json=as_json)


@pbx.command(
    epilog=examples(
        "maskservice pbx rotate taipei-1",
        "maskservice pbx revoke-secret sec_…      # the old one, once the PBX has the new",
    )
)
@click.argument("name")
@_for_simulator
@json_option
def rotate(name: str, *, for_simulator: bool, as_json: bool) -> None:
    """Give a PBX a new secret beside its last one, which stays valid until it is revoked; older ones end now."""
    settings = Settings.load()
    with opened(settings) as ports:
        made = rotate_secret(name, ports=ports)
    _show("has a new secret", made, settings, for_simulator=for_simulator, as_json=as_json)
    if not as_json:
        note("Give it to the PBX, then revoke the old one: maskservice pbx list, maskservice pbx revoke-secret ID")


@pbx.command("list", epilog=examples("maskservice pbx list", "maskservice pbx list --json"))
@json_option
def list_(*, as_json: bool) -> None:
    """Show the PBXs and the ids of their valid secrets."""
    with opened() as ports:
        found = list_pbxs(ports)
    if as_json:
        rows = [
            {
                "pbx_id": each.id,
                "name": each.name,
                "dialect": each.dialect,
                "created_at": when(each.created_at),
                "revoked_at": when(each.revoked_at),
                "secrets": [{"secret_id": one.id, "created_at": when(one.created_at)} for one in valid],
            }
            for each, valid in found
        ]
        print_json({"data": rows})
        return
    shown = [
        (
            each.name,
            each.id,
            "revoked" if each.revoked_at else "valid",
            "\n".join(one.id for one in valid) or "–",
        )
        for each, valid in found
    ]
    print_rows(
        ("name", "pbx_id", "state", "secrets"),
        shown,
        empty="There is no PBX yet. Next: maskservice pbx create NAME",
    )


@pbx.command(epilog=examples("maskservice pbx revoke taipei-1"))
@click.argument("name")
@json_option
def revoke(name: str, *, as_json: bool) -> None:
    """Hear a PBX no longer, whatever it signs with."""
    with opened() as ports:
        revoke_pbx(name, ports=ports)
    if as_json:
        print_json({"name": name, "revoked": True})
    else:
        click.echo(f"PBX {name} is revoked.")


@pbx.command("revoke-secret", epilog=examples("maskservice pbx revoke-secret sec_…"))
@click.argument("secret_id")
@json_option
def revoke_secret_(secret_id: str, *, as_json: bool) -> None:
    """Revoke one secret of a PBX."""
    with opened() as ports:
        revoke_secret(secret_id, ports=ports)
    if as_json:
        print_json({"secret_id": secret_id, "revoked": True})
    else:
        click.echo(f"Secret {secret_id} is revoked.")


def _show(what: str, made: NewSecret, settings: Settings, *, for_simulator: bool, as_json: bool) -> None:
    written = None
    if for_simulator:
        written = write_credentials(settings, Credentials(made.pbx.id, made.secret))
    facts = {"pbx_id": made.pbx.id, "secret": made.secret, "secret_id": made.secret_id}
    place = f"/v1/pbx/{made.pbx.id}"
    if as_json:
        names = {
            "name": made.pbx.name,
            "dialect": made.pbx.dialect,
            "calls_path": f"{place}/calls",
            "events_path": f"{place}/events",
        }
        print_json({**facts, **names})
    else:
        print_facts(
            f"PBX {made.pbx.name} {what}.", {**facts, "calls": f"POST {place}/calls", "events": f"POST {place}/events"}
        )
    note("The secret is shown this once: keep it now.")
    if written:
        note(f"{written} holds it for `maskservice call`.")
