"""``prompts``: the sentences that callers hear, as a list for whoever records them.

Answers for: every recording, its words and where its file lies. Must not know: who plays it.
"""

from __future__ import annotations

import csv
import io

import click

from maskservice.cli.output import examples, note, print_json, print_rows
from maskservice.domain.prompts import SENTENCES
from maskservice.telephony.recordings import names_of, path_of


@click.command(
    epilog=examples(
        "maskservice prompts                        # everything, for people",
        "maskservice prompts --language en --csv    # for a recording studio",
    )
)
@click.option("--language", type=click.Choice(sorted(SENTENCES)), help="Of one language only.")
@click.option("--csv", "as_csv", is_flag=True, help="Print it as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
def prompts(*, language: str | None, as_csv: bool, as_json: bool) -> None:
    """List every prompt that can be recorded: its id, its language, its file and its words.

    A menu and a whisper are put together of several; shops' names are spoken.
    """
    if as_csv and as_json:
        raise click.UsageError("Give either --csv or --json.")
    rows = [
        {"id": name, "language": spoken, "file": path_of(name, language=spoken), "text": text}
        for spoken in ([language] if language else SENTENCES)
        for name, text in names_of(spoken).items()
    ]
    if as_json:
        print_json({"data": rows})
    elif as_csv:
        written = io.StringIO()
        table = csv.DictWriter(written, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        click.echo(written.getvalue(), nl=False)
    else:
        print_rows(list(rows[0]), [list(row.values()) for row in rows], empty="")
        note("WAV, 8 kHz, 16 bit, mono. Next: maskservice pbx change NAME --recordings URL, or docs/pbx/asterisk.rst")
