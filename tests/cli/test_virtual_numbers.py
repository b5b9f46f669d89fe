"""``numbers``: sources of lines, and that what was refused is told by its place only."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(autouse=True)
def _home(home):
    return home


def test_numbers_on_the_command_line(result_of):
    done = result_of("numbers", "import", "0900-000000", "+886900000001", "--pool", "default")
    assert done == {"pool": "default", "added": 2, "known": 0, "refused": 0, "refused_lines": []}
    again = result_of("numbers", "import", "0900 000 000", "0900-000002", "--pool", "default")
    assert (again["added"], again["known"]) == (1, 1)
    rows = result_of("numbers", "list", "--pool", "default")["data"]
    assert sorted(rows, key=lambda each: each["virtual_number"])[0] == {
        "virtual_number": "+886900000000",
        "written": "0900-000000",
        "held": 0,
        "ceiling": 1000,
        "enrolled_only_until": None,
    }
    assert len(rows) == 3


def test_files_stdin_and_numbers_together(run, tmp_path):
    first, second = tmp_path / "first.txt", tmp_path / "second.csv"
    first.write_text("\ufeff# ours\n0900-000000\n\n0912-345-67\n", "utf-8")
    second.write_text("garbage\n0900-000001\n", "utf-8")
    done = run(
        "numbers",
        "import",
        str(first),
        "-",
        str(second),
        "0912-345-6789",
        "--pool",
        "default",
        "--json",
        typed="0900-000002\n0987-65\n",
    )
    assert done.exit_code == 0
    result = json.loads(done.stdout)
    assert (result["added"], result["known"], result["refused"]) == (3, 0, 4)
    assert result["refused_lines"] == [
        {"source": str(first), "line": 4},
        {"source": "stdin", "line": 2},
        {"source": str(second), "line": 1},
        {"source": "argument 4", "line": 1},
    ]


def test_a_refused_value_is_never_repeated(run, tmp_path):
    listed = tmp_path / "numbers.txt"
    listed.write_text("0912-345-67\nmy secret\n", "utf-8")
    done = run("numbers", "import", str(listed), "0912-345-6789", "--pool", "default")
    assert done.exit_code == 1
    assert "numbers.txt, line 1" in done.stderr
    assert "numbers.txt, line 2" in done.stderr
    assert "argument 2:" in done.stderr
    for secret in ("345", "secret"):
        assert secret not in done.output


def test_exit_code_one_only_where_nothing_was_added_and_something_refused(run):
    assert run("numbers", "import", "0900-000000", "0912-345-6789", "--pool", "default").exit_code == 0
    assert run("numbers", "import", "0900-000000", "--pool", "default").exit_code == 0
    assert run("numbers", "import", "0900-000000", "0912-345-6789", "--pool", "default").exit_code == 1
    assert run("numbers", "import", "-", "--pool", "default", typed="").exit_code == 0


def test_many_refused_lines_are_told_in_short(run):
    done = run("numbers", "import", "-", "--pool", "default", typed="x\n" * 50)
    assert done.stderr.count("refused:") == 20
    assert "and 30 more" in done.stderr


def test_no_utf8(run, tmp_path):
    listed = tmp_path / "numbers.txt"
    listed.write_bytes(b"0900-000000\n" + b"\xff\xfe0\n")
    done = run("numbers", "import", str(listed), "--pool", "default")
    assert done.exit_code == 0
    assert "line 2" in done.stderr


def test_refusals(refused):
    message = refused("numbers", "import", "0900-000000", "/no/such/file-0912345678", "--pool", "default", code=2)
    assert "Argument 2" in message
    assert "345678" not in message
    message = refused("numbers", "import", "0912345678" * 50, "/" + "0912345678" * 50, "--pool", "default", code=2)
    assert "345678" not in message
    assert "maskservice pool list" in refused("numbers", "import", "0900-000000", "--pool", "nowhere")
    assert "maskservice pool list" in refused("numbers", "list", "--pool", "nowhere")


def test_a_big_file(run, tmp_path):
    listed = tmp_path / "numbers.txt"
    lines = [f"+8869{number:08d}" for number in range(3000)]
    lines[1234] = "garbage"
    listed.write_text("\n".join(lines), "utf-8")
    done = run("numbers", "import", str(listed), "--pool", "default")
    assert done.exit_code == 0
    assert "2999 added" in done.stdout
    # Past the first batch, the line is still the file's.
    assert "line 1235:" in done.stderr


def test_list_for_people(run):
    assert "maskservice numbers import" in run("numbers", "list", "--pool", "default").stderr
    run("numbers", "import", "0900-000000", "--pool", "default")
    assert "0900-000000" in run("numbers", "list", "--pool", "default").stdout
