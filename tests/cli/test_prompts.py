"""``prompts``: everything that is to be recorded, for people, programs and a studio."""

from __future__ import annotations

import csv
import io

from maskservice.domain.prompts import SENTENCES
from maskservice.telephony.asterisk_sounds import RECORDINGS


def test_every_recording_of_both_languages(result_of):
    rows = result_of("prompts")["data"]
    assert {row["language"] for row in rows} == set(SENTENCES)
    files = [row["file"] for row in rows]
    assert len(set(files)) == len(files)
    assert all(row["file"] == f"{row['language']}/{row['id']}.wav" and row["text"] for row in rows)
    chinese = {row["id"] for row in rows if row["language"] == "zh-TW"}
    assert chinese == {row["id"] for row in rows if row["language"] == "en"}
    # Asterisk's digits are its own.
    assert {f"mask/{each}" for each in chinese if not each.startswith("digit-")} == set(RECORDINGS)


def test_one_language_as_csv(run):
    rows = list(csv.DictReader(io.StringIO(run("prompts", "--language", "en", "--csv").stdout)))
    assert {row["language"] for row in rows} == {"en"}
    goodbye = next(row for row in rows if row["id"] == "goodbye")
    assert goodbye["text"] == SENTENCES["en"]["goodbye"]


def test_for_people(run, refused):
    done = run("prompts", "--language", "zh-TW")
    assert "zh-TW/whisper.wav" in done.stdout
    assert "pbx change" in done.stderr
    assert "either" in refused("prompts", "--csv", "--json", code=2)
    assert "fr" in refused("prompts", "--language", "fr", code=2)
