"""``init``: the database, the key ring and the pool ``default``.

Answers for: saying what was found and made. Must not know: how a database is migrated.
"""

from __future__ import annotations

import click

from maskservice.app import initialise
from maskservice.cli.opening import quiet
from maskservice.cli.output import examples, json_option, note, print_facts, print_json
from maskservice.settings import Settings


@click.command(
    epilog=examples("maskservice init", "MASKSERVICE_DATABASE_URL=postgresql://mask@db/mask maskservice init --json")
)
@json_option
def init(*, as_json: bool) -> None:
    """Create or migrate the database; create the key ring if there is none. Safe to run again."""
    made = initialise(quiet(Settings.load()))
    facts = {
        "database": made.database,
        "migrated": made.migrated,
        "keyring": made.keyring,
        "keyring_created": made.keyring_created,
        "pool": "default",
    }
    if as_json:
        print_json(facts)
        return
    print_facts(
        "The service is set up.",
        {
            "database": f"{made.database} ({'migrated' if made.migrated else 'up to date'})",
            "key ring": f"{made.keyring} ({'created' if made.keyring_created else 'found'})",
            "pool": "default, shared by all tenants",
        },
    )
    if made.keyring_created:
        note("Keep a copy of the key ring apart from the database: without it no number can ever be read again.")
    note("Next: maskservice tenant create NAME, maskservice numbers import FILE --pool default, maskservice serve")
