"""``pbx``: the switchboards that may ask where a call goes, and their secrets.

Answers for: showing a secret of ours once, and never asking for a provider's on the command line. Must not know: how a
secret is sealed, what a dialect looks like.
"""

from __future__ import annotations

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, print_facts, print_json, print_rows, warn, when
from maskservice.cli.pbx_secret import pasted, secret_from_option
from maskservice.cli.simulator_file import Credentials, write_credentials
from maskservice.domain.errors import NameTaken
from maskservice.services.pbxs import (
    NATIVE,
    NewSecret,
    change_pbx,
    create_pbx,
    list_pbxs,
    pbx_named,
    revoke_pbx,
    revoke_secret,
    rotate_secret,
)
from maskservice.settings import Settings
from maskservice.telephony import DIALECTS, Whispering

_NOT_AGAIN = "(shown once, when the PBX was created or its secret rotated)"
_for_simulator = click.option(
    "--for-simulator",
    is_flag=True,
    help="Also write simulator.json (mode 0600) in the home folder, for `maskservice call`.",
)

_recordings = click.option(
    "--recordings",
    metavar="URL",
    help="Where the provider finds the prompts as sound files (maskservice prompts lists them); otherwise it speaks.",
)


@click.group(
    epilog=examples(
        "maskservice pbx create taipei-1",
        "maskservice pbx create cloud --dialect twilio",
        "maskservice pbx setup cloud",
        "maskservice pbx rotate taipei-1",
    )
)
def pbx() -> None:
    """PBXs that ask where calls go."""


@pbx.command(
    epilog=examples(
        "maskservice pbx create taipei-1",
        "maskservice pbx create simulated --for-simulator",
        "maskservice pbx create cloud --dialect twilio          # asks for the Auth Token",
        "maskservice pbx create cloud --dialect plivo --secret-from /run/secrets/plivo",
        "maskservice pbx create cloud --dialect twilio --recordings https://sounds.example.com/mask",
    )
)
@click.argument("name")
@click.option(
    "--dialect",
    type=click.Choice(sorted(DIALECTS)),
    default=NATIVE,
    show_default=True,
    help="How it asks and is answered.",
)
@_recordings
@secret_from_option
@_for_simulator
@json_option
def create(
    name: str, *, dialect: str, recordings: str | None, secret_from: str | None, for_simulator: bool, as_json: bool
) -> None:
    """Create a PBX and print what to configure on its side. Our secret is shown once; a provider's is asked for."""
    if for_simulator and dialect != NATIVE:
        raise click.UsageError("The simulated PBX speaks the native dialect: leave --dialect or --for-simulator out.")
    _require_speech(dialect, recordings)
    settings = Settings.load()
    secret = pasted(DIALECTS[dialect].secret_form, secret_from)
    with opened(settings) as ports:
        try:
            made = create_pbx(name, dialect=DIALECTS[dialect], secret=secret, recordings=recordings, ports=ports)
        except NameTaken as taken:
            step = "'maskservice pbx rotate NAME' gives it a further secret, also with --for-simulator."
            raise click.ClickException(f"{taken.detail} {step}") from None
    _show("created", made, settings, for_simulator=for_simulator, as_json=as_json)


@pbx.command(
    epilog=examples(
        "maskservice pbx rotate taipei-1",
        "maskservice pbx rotate cloud --secret-from -   # the provider's new secret, from standard input",
        "maskservice pbx revoke-secret sec_…            # the old one, once the PBX has the new",
    )
)
@click.argument("name")
@secret_from_option
@_for_simulator
@json_option
def rotate(name: str, *, secret_from: str | None, for_simulator: bool, as_json: bool) -> None:
    """Give a PBX a new secret beside its last one, which stays valid until it is revoked; older ones end now."""
    settings = Settings.load()
    with opened(settings) as ports:
        dialect = DIALECTS[pbx_named(name, ports=ports).dialect]
        if for_simulator and dialect.name != NATIVE:
            raise click.UsageError("The simulated PBX speaks the native dialect; this PBX does not.")
        secret = pasted(dialect.secret_form, secret_from)
        made = rotate_secret(name, dialect=dialect, secret=secret, ports=ports)
    _show("has a new secret", made, settings, for_simulator=for_simulator, as_json=as_json)
    if not as_json:
        note("Once the PBX has it, revoke the old one: maskservice pbx list, maskservice pbx revoke-secret ID")


@pbx.command(
    epilog=examples(
        "maskservice pbx change cloud --recordings https://sounds.example.com/mask",
        "maskservice pbx change cloud --spoken",
    )
)
@click.argument("name")
@_recordings
@click.option("--spoken", is_flag=True, help="Have the provider speak the prompts again.")
@json_option
def change(name: str, *, recordings: str | None, spoken: bool, as_json: bool) -> None:
    """Say where a provider finds the recorded prompts (maskservice prompts), or have it speak them."""
    if spoken == (recordings is not None):
        raise click.UsageError("Give either --recordings URL or --spoken.")
    with opened() as ports:
        _require_speech(pbx_named(name, ports=ports).dialect, recordings)
        changed = change_pbx(name, recordings=recordings, ports=ports)
    if as_json:
        print_json({"pbx_id": changed.id, "name": changed.name, "recordings": changed.recordings})
    elif changed.recordings is None:
        click.echo(f"PBX {name} speaks the prompts.")
    else:
        click.echo(f"PBX {name} plays recordings below {changed.recordings}")


@pbx.command(epilog=examples("maskservice pbx setup cloud", "maskservice pbx setup cloud --json"))
@click.argument("name")
@json_option
def setup(name: str, *, as_json: bool) -> None:
    """Print again what to configure on a PBX's side, without its secret."""
    settings = Settings.load()
    with opened(settings) as ports:
        found = pbx_named(name, ports=ports)
    text = DIALECTS[found.dialect].setup(pbx_id=found.id, base_url=settings.base_url, secret=_NOT_AGAIN)
    if as_json:
        print_json({"pbx_id": found.id, "name": found.name, "dialect": found.dialect, "setup": text})
        return
    click.echo(text, nl=False)
    _warn_of_address(found.dialect, settings)


@pbx.command("list", epilog=examples("maskservice pbx list", "maskservice pbx list --json"))
@json_option
def list_(*, as_json: bool) -> None:
    """Show the PBXs, their dialects and the ids of their valid secrets."""
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
                "recordings": each.recordings,
                "secrets": [{"secret_id": one.id, "created_at": when(one.created_at)} for one in valid],
            }
            for each, valid in found
        ]
        print_json({"data": rows})
        return
    shown = [
        (
            each.name,
            each.dialect,
            each.id,
            "revoked" if each.revoked_at else "valid",
            "\n".join(one.id for one in valid) or "–",
        )
        for each, valid in found
    ]
    print_rows(
        ("name", "dialect", "pbx_id", "state", "secrets"),
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


def _require_speech(dialect: str, recordings: str | None) -> None:
    if recordings is not None and not isinstance(DIALECTS[dialect], Whispering):
        raise click.UsageError(
            f"A PBX of the dialect {dialect} gets prompts by their ids and plays files of its own: leave --recordings "
            "out. Next: maskservice prompts"
        )


def _show(what: str, made: NewSecret, settings: Settings, *, for_simulator: bool, as_json: bool) -> None:
    """``secret`` stands there only where it is ours: the operator has the provider's already."""
    written = None
    if for_simulator:
        written = write_credentials(settings, Credentials(made.pbx.id, made.secret))
    dialect = made.pbx.dialect
    facts = {"pbx_id": made.pbx.id, "secret": made.secret, "secret_id": made.secret_id}
    shown = {name: value for name, value in facts.items() if value}
    place = f"/v1/pbx/{made.pbx.id}"
    if as_json:
        names = {
            "name": made.pbx.name,
            "dialect": dialect,
            "calls_path": f"{place}/calls",
            "events_path": f"{place}/events",
        }
        print_json({**shown, **names})
    else:
        print_facts(f"PBX {made.pbx.name} {what}.", {**shown, "dialect": dialect})
        setup = DIALECTS[dialect].setup(
            pbx_id=made.pbx.id, base_url=settings.base_url, secret=made.secret or _NOT_AGAIN
        )
        click.echo(f"\n{setup}", nl=False)
    if made.secret:
        note("The secret is shown this once: keep it now.")
    if written:
        note(f"{written} holds it for `maskservice call`.")
    _warn_of_address(dialect, settings)


def _warn_of_address(dialect: str, settings: Settings) -> None:
    if not settings.public_url and not DIALECTS[dialect].secret_form.ours:
        warn(
            "MASKSERVICE_PUBLIC_URL is not set: no provider reaches these addresses, and its signatures cover the "
            "public ones. Set it for `serve` too, then print this again: maskservice pbx setup NAME"
        )
