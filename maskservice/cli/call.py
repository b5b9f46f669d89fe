"""``call``: a telephone for people who have none of the numbers: the simulated PBX plays the call and tells it.

Answers for: where the credentials come from, who calls whom. Must not know: how a call is played or decided.
"""

from __future__ import annotations

import click

from maskservice.cli.output import examples, json_option, print_json
from maskservice.cli.serve import url_of
from maskservice.cli.simulator_file import FILE_NAME, Credentials, read_credentials
from maskservice.domain.allocation import SHORTEST_EXTENSION
from maskservice.domain.errors import MaskedNumberUnreadable
from maskservice.domain.masked import read_dialled
from maskservice.domain.phone import read_caller
from maskservice.settings import Settings
from maskservice.simulator import CallStory, Pickup, Role, SimulatedPbx, SimulatorError, narrate

_WITHHELD = frozenset({"-", "withheld", "anonymous"})


@click.command(
    epilog=examples(
        "maskservice call 0987654321 '0900-000000#5678'              # the courier",
        "maskservice call 0987654321 '0900-000000#5678' --callback   # and the recipient calls back",
        "maskservice call 0912345678 0900-000000                     # the recipient alone",
        "maskservice call withheld 0900-000000 --keys 1111 --keys 2222 --keys 3333",
    )
)
@click.argument("caller", metavar="FROM")
@click.argument("dialled", metavar="TO")
@click.option("--callback", is_flag=True, help="Afterwards the called phone calls back, keying nothing.")
@click.option(
    "--keys",
    multiple=True,
    metavar="DIGITS",
    help="Keyed at the next prompt, after TO's extension; may be given several times.",
)
@click.option(
    "--callback-keys", multiple=True, metavar="DIGITS", help="The same for the call-back, where there is a menu."
)
@click.option(
    "--dial-string", is_flag=True, help="The extension goes along in the dialled number, as a tapped link sends it."
)
@click.option("--no-answer", "pickup", flag_value=Pickup.NO_ANSWER, type=Pickup, help="The called phone rings out.")
@click.option("--busy", "pickup", flag_value=Pickup.BUSY, type=Pickup, help="The called phone is busy.")
@click.option("--url", metavar="URL", help="The service; where it is served by these settings unless given.")
@click.option("--pbx", "pbx_id", envvar="MASKSERVICE_SIMULATOR_PBX", metavar="ID", help="Or MASKSERVICE_SIMULATOR_PBX.")
@click.option(
    "--secret",
    envvar="MASKSERVICE_SIMULATOR_SECRET",
    metavar="whsec_…",
    help="Or MASKSERVICE_SIMULATOR_SECRET, which `ps` never shows.",
)
@json_option
def call(
    caller: str,
    dialled: str,
    *,
    callback: bool,
    keys: tuple[str, ...],
    callback_keys: tuple[str, ...],
    dial_string: bool,
    pickup: Pickup | None,
    url: str | None,
    pbx_id: str | None,
    secret: str | None,
    as_json: bool,
) -> None:
    """Call from FROM to TO over the simulated PBX; print what is heard and what both phones show.

    FROM is a phone, or "withheld". TO is a masked number (a courier calls), or a virtual number
    alone (a recipient calls back).
    """
    credentials = _credentials(url, pbx_id, secret)
    number = None if caller.strip().lower() in _WITHHELD else read_caller(caller)
    if number is None and caller.strip().lower() not in _WITHHELD:
        raise click.UsageError("FROM is no phone number. Write it as people do, 0987654321, or 'withheld'.")
    stories = []
    with SimulatedPbx(credentials.url or "", credentials.pbx_id, credentials.secret) as pbx:
        stories.append(
            pbx.call(
                None if number is None else number.reveal(),
                dialled,
                keys=keys,
                in_dial_string=dial_string,
                answer=pickup or True,
                caller_is=Role.COURIER if _keys_an_extension(dialled, keys) else Role.RECIPIENT,
            )
        )
        if callback:
            stories.append(call_back(pbx, stories[0], keys=callback_keys))
    if as_json:
        print_json({"calls": [story.as_dict() for story in stories]})
    else:
        click.echo("\n\n".join(narrate(story) for story in stories))


def call_back(pbx: SimulatedPbx, story: CallStory, *, keys: tuple[str, ...] = ()) -> CallStory:
    """The phone that rang in ``story`` calls the number it was shown. Raises SimulatorError where none rang."""
    if story.called is None or story.called_shows is None:
        raise SimulatorError("No phone rang, so nobody can call back. 電話沒有響，無法回撥。")
    return pbx.call(
        story.called.reveal(),
        story.called_shows,
        keys=keys,
        caller_is=story.called_is or Role.RECIPIENT,
        called_is=story.caller_is,
    )


def _keys_an_extension(dialled: str, keys: tuple[str, ...]) -> bool:
    """Only couriers do that; a recipient keys nothing, or one digit in a menu. For the words of the story alone."""
    try:
        return read_dialled(dialled).extension is not None or any(len(each) >= SHORTEST_EXTENSION for each in keys)
    except MaskedNumberUnreadable:
        return True


def _credentials(url: str | None, pbx_id: str | None, secret: str | None) -> Credentials:
    """What was given, else what stands in simulator.json. Raises SimulatorError saying which command gives them."""
    settings = Settings.load()
    address = url_of(settings.bind)
    if pbx_id and secret:
        return Credentials(pbx_id, secret, url or address)
    if pbx_id or secret:
        raise click.UsageError(
            "--pbx and --secret go together (MASKSERVICE_SIMULATOR_PBX, MASKSERVICE_SIMULATOR_SECRET)."
        )
    found = read_credentials(settings)
    if found is not None:
        return Credentials(found.pbx_id, found.secret, url or found.url or address)
    if settings.database_url or (settings.home / "maskservice.db").exists():
        raise SimulatorError(
            f"The simulated PBX has no credentials. This command makes some and writes {settings.home / FILE_NAME}: "
            "maskservice pbx create simulated --for-simulator"
        )
    raise SimulatorError(
        "The simulated PBX has no credentials, and there is no database here. On the machine of the service run "
        "'maskservice pbx create simulated', then give --pbx and --secret here. To try it all at once: maskservice demo"
    )
