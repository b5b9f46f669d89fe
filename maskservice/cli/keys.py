"""``keys``: the key ring that encrypts numbers, and its rotation in two steps.

Answers for: the order of the steps, and never showing a key. Must not know: what the keys encrypt.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

import click

from maskservice.cli.output import examples, json_option, note, print_json, print_rows, when
from maskservice.crypto.keyring import KeyRing, read_keyring, replace_keyring_file
from maskservice.crypto.ring import KeyUse
from maskservice.settings import Settings


@click.group(
    epilog=examples("maskservice keys list", "maskservice keys add", "maskservice keys promote kek-20261124-1a2b")
)
def keys() -> None:
    """The key ring: list it, rotate it. (A tenant's API keys are `maskservice key`.)

    A rotation has two steps, since every server has to hold a key before one of them writes with it: `add`, restart
    all, `promote`, restart all. Old keys stay: they open what was written with them.
    """


@keys.command("list", epilog=examples("maskservice keys list", "maskservice keys list --json"))
@json_option
def list_(*, as_json: bool) -> None:
    """Show the ids of the keys, never the keys."""
    ring = read_keyring(Settings.load().keyring_source)
    if as_json:
        rows = [
            {"id": each.id, "use": each.use, "primary": each.id == ring.primary, "created_at": when(each.created_at)}
            for each in ring.keys
        ]
        print_json({"data": rows})
        return
    shown = [
        (
            each.id,
            each.use,
            when(each.created_at),
            "primary: new rows are written with it" if each.id == ring.primary else "",
        )
        for each in ring.keys
    ]
    print_rows(("id", "use", "created", ""), shown, empty="The key ring is empty.")


@keys.command(epilog=examples("maskservice keys add", "maskservice keys add --json"))
@json_option
def add(*, as_json: bool) -> None:
    """First step: add a wrapping key, which nothing is written with yet."""
    path, ring = _file()
    held = {key.id for key in ring.keys}
    after = ring.with_new_wrap_key(datetime.now(UTC), secrets.token_bytes)
    replace_keyring_file(path, after)
    new = next(key.id for key in after.keys if key.id not in held)
    if as_json:
        print_json({"id": new, "primary": False})
    else:
        click.echo(f"Key {new} is in {path}; nothing is written with it yet.")
    note("Next: give this key ring to every machine and restart every server and worker. Only then:")
    note(f"  maskservice keys promote {new}")


@keys.command(epilog=examples("maskservice keys promote kek-20261124-1a2b"))
@click.argument("key_id", metavar="ID")
@json_option
def promote(key_id: str, *, as_json: bool) -> None:
    """Second step: write new rows with this key. Every server has to hold it by now."""
    path, ring = _file()
    if not any(key.id == key_id and key.use is KeyUse.WRAP for key in ring.keys):
        # What was typed is not repeated: it may be a key in place of its id.
        raise click.ClickException("The key ring holds no wrapping key of this id. 'maskservice keys list' shows them.")
    before = ring.primary
    replace_keyring_file(path, ring.promoted(key_id))
    if as_json:
        print_json({"id": key_id, "primary": True, "before": before})
    else:
        click.echo(f"Key {key_id} is primary now; it was {before}, which stays to open what was written with it.")
    note("Restart every server and worker with this key ring, and keep a copy of it apart from the database.")


def _file() -> tuple[Path, KeyRing]:
    """The key ring's file and what it holds. Raises KeyRingInvalid, and a refusal where the ring is no file of ours."""
    source = Settings.load().keyring_source
    ring = read_keyring(source)
    path = Path(source)
    if source.lstrip().startswith(("{", "base64:", "env:", "mounted:")):
        raise click.ClickException(
            "This key ring comes from the environment or a mounted secret, which cannot be written here. Save it as a "
            "file of mode 0600, set MASKSERVICE_KEYRING to that file, rotate, and put its content back into the secret."
        )
    return path, ring
