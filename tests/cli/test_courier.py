"""``courier`` and ``caller``: what an operator types and reads; no number and no name is repeated."""

from __future__ import annotations

import csv
import stat

import pytest


@pytest.fixture(autouse=True)
def _home(home, run):
    assert run("tenant", "create", "店").exit_code == 0
    return home


@pytest.fixture
def add(result_of):
    def add(*arguments):
        return result_of("courier", "add", "王大明", "--tenant", "店", "--carrier", "黑貓", *arguments)

    return add


def test_a_courier_is_added_shown_given_a_pin_and_removed(add, result_of, refused):
    made = add("--phone", "0987-654-321", "--phone", "02-2345-6789", "--pin", "auto")
    assert len(made["pin"]) == 6
    shown = {
        "courier_id": made["courier_id"],
        "name": "王O明",
        "carrier": "黑貓",
        "phones": [{"last3": "321"}, {"last3": "789"}],
        "has_pin": True,
        "created_at": made["created_at"],
    }
    assert made == {**shown, "pin": made["pin"]}
    assert result_of("courier", "list", "--tenant", "店") == {"data": [shown]}
    assert result_of("courier", "list", "--tenant", "店", "--carrier", "新竹") == {"data": []}
    renewed = result_of("courier", "pin", made["courier_id"], "--tenant", "店")
    assert renewed["pin"] != made["pin"]
    gone = result_of("courier", "remove", made["courier_id"], "--tenant", "店")
    assert gone == {"courier_id": made["courier_id"], "removed": True}
    assert "no such courier" in refused("courier", "pin", made["courier_id"], "--tenant", "店")
    assert "nothing under this id" in refused("courier", "remove", "cou_x", "--tenant", "店")


def test_for_people(run):
    assert "maskservice courier add" in run("courier", "list", "--tenant", "店").stderr
    done = run("courier", "add", "[red]王大明", "--tenant", "店", "--carrier", "[b]黑貓", "--pin", "5082")
    assert "5082" in done.stdout
    assert "shown this once" in done.stderr
    listed = run("courier", "list", "--tenant", "店")
    assert "[b]黑貓" in listed.stdout
    assert "5082" not in listed.output
    (courier_id,) = [word for word in listed.stdout.split() if word.startswith("cou_")]
    assert "new PIN" in run("courier", "pin", courier_id, "--tenant", "店").stdout
    assert "off the roster" in run("courier", "remove", courier_id, "--tenant", "店").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--phone", "0912-345-67"), "phones 0: The number has too few"),
        (("--phone", "0912-345-678", "--pin", "1234"), "pin: A PIN of equal"),
        (("--phone", "0987654321"), "Take it off there first"),
        (("--pin", "5082"), "has this PIN"),
    ],
)
def test_refusals(add, refused, arguments, said):
    add("--phone", "0987-654-321", "--pin", "5082")
    message = refused("courier", "add", "陳小美", "--tenant", "店", "--carrier", "黑貓", *arguments)
    assert said in message
    for secret in ("陳小美", "345", "654", "5082"):
        assert secret not in message
    assert "maskservice tenant list" in refused("courier", "list", "--tenant", "無")


TEXT = (
    "姓名,物流商,電話,密碼,電話2\r\n"
    "陳小美,新竹物流,912345678,auto,\r\n"
    "\r\n"
    "林一,新竹物流,'0966000111;02-2345-6789,,0955000111\r\n"
    "壞人,新竹物流,0912-***-678,,\r\n"
    "壞人,0912345679,12,1234,\r\n"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp950"])
def test_a_spreadsheet_is_imported_twice(run, result_of, tmp_path, encoding):
    roster, results = tmp_path / "roster.csv", tmp_path / "results.csv"
    roster.write_bytes(TEXT.encode(encoding))
    done = run("courier", "import", str(roster), "--tenant", "店", "--results", str(results))
    assert done.exit_code == 0
    assert "2 added, 0 known already, 2 refused" in done.stdout
    assert "line 5: phones 0: Some digits are hidden" in done.stderr
    assert "line 6: These have to be mended" in done.stderr
    for secret in ("陳", "林", "壞", "345", "000111"):
        assert secret not in done.output
        assert secret not in results.read_text("utf-8")
    assert stat.S_IMODE(results.stat().st_mode) == 0o600
    with results.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["line"], row["result"]) for row in rows] == [
        ("2", "added"), ("4", "added"), ("5", "refused"), ("6", "refused"),
    ]  # fmt: skip
    assert len(rows[0]["pin"]) == 6
    assert rows[1]["pin"] == rows[2]["pin"] == ""
    assert rows[2]["problem"]
    listed = result_of("courier", "list", "--tenant", "店")
    again = result_of("courier", "import", str(roster), "--tenant", "店")
    assert (again["added"], again["known"], again["refused"]) == (0, 2, 2)
    assert [each["line"] for each in again["data"]] == [2, 4, 5, 6]
    assert again["data"][0]["courier"]["pin"] is None
    assert again["data"][2]["code"] == "invalid_content"
    assert result_of("courier", "list", "--tenant", "店") == listed


def test_an_import_from_standard_input(run):
    done = run("courier", "import", "-", "--tenant", "店", typed="name,carrier,phone,pin\n甲,乙,0966000111,5082\n")
    assert done.exit_code == 0
    assert "1 added" in done.stdout
    assert "--results" in done.stderr
    assert "5082" not in done.output


def test_many_problems_are_told_in_short(run):
    done = run("courier", "import", "-", "--tenant", "店", typed="name,carrier,phone\n" + "甲,乙,12\n" * 50)
    assert done.exit_code == 1
    assert done.stderr.count("refused: line") == 20
    assert "and 30 more" in done.stderr


def test_files_that_are_no_roster(refused, tmp_path):
    roster, results = tmp_path / "roster.csv", tmp_path / "results.csv"
    assert "No such file" in refused("courier", "import", str(roster), "--tenant", "店")
    roster.write_text("陳小美,0912345678\n", "utf-8")
    message = refused("courier", "import", str(roster), "--tenant", "店")
    assert "name 姓名" in message
    assert "345678" not in message
    roster.write_text(TEXT, "utf-8")
    results.write_text("PINs of yesterday", "utf-8")
    message = refused("courier", "import", str(roster), "--tenant", "店", "--results", str(results))
    assert "there already" in message
    assert results.read_text("utf-8") == "PINs of yesterday"


def test_more_couriers_than_a_page(run, result_of):
    rows = "".join(f"甲,乙,0966{place:06d}\n" for place in range(205))
    assert run("courier", "import", "-", "--tenant", "店", typed=f"name,carrier,phone\n{rows}").exit_code == 0
    assert len(result_of("courier", "list", "--tenant", "店")["data"]) == 205


# -- caller ------------------------------------------------------------------------------------------------------------


def test_rules_for_callers(run, result_of, refused):
    assert "maskservice caller block" in run("caller", "list", "--tenant", "店").stderr
    made = result_of("caller", "block", "0955-000-111", "--tenant", "店")
    assert (made["to_recipient"], made["to_courier"], made["phone"], made["created"]) == (
        "block", "block", {"last3": "111"}, True,
    )  # fmt: skip
    changed = result_of("caller", "allow", "+886955000111", "--tenant", "店", "--direction", "to_courier")
    assert changed == {**made, "to_courier": "allow", "created": False}
    listed = result_of("caller", "list", "--tenant", "店")["data"]
    assert listed == [{name: value for name, value in changed.items() if name != "created"}]
    assert "…111" in run("caller", "list", "--tenant", "店").stdout
    assert "is blocked" in run("caller", "block", "0955-000-222", "--tenant", "店").stdout
    assert "is gone" in run("caller", "remove", made["rule_id"], "--tenant", "店").stdout
    assert "no such rule" in refused("caller", "remove", made["rule_id"], "--tenant", "店")
    message = refused("caller", "block", "0955-000-11", "--tenant", "店")
    assert "phone: The number has too few" in message
    assert "000" not in message
    nowhere = "bnd_069iu6js01tjp6iu9knooodns0001jjvbg2g0"
    for binding in ("bnd_x", nowhere):
        refused("caller", "block", "0955-000-111", "--tenant", "店", "--binding", binding)
        refused("caller", "list", "--tenant", "店", "--binding", binding)
