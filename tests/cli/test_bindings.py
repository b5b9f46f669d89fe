"""``bindings import``: over HTTP and on the database, interrupted and gone on with, nothing issued twice."""

from __future__ import annotations

import csv
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from maskservice.cli.import_results import Result, ResultsFile
from tests.cli.conftest import Program, free_port
from tests.cli.test_orders_file import SAMPLE

ResultOf = Callable[..., Any]


@pytest.fixture
def shop(home: Path, result_of: ResultOf) -> str:
    """An API key; the tenant is 示範商店, the pool has room for 5,000."""
    result_of("numbers", "import", *(f"0900-00000{n}" for n in range(5)), "--pool", "default")
    key: str = result_of("tenant", "create", "示範商店")["api_key"]
    return key


def orders(folder: Path, count: int, *, phone: str = "0912345678") -> Path:
    path = folder / "orders.csv"
    rows = [["訂單編號", "收件人", "手機"], *([f"TW-{n}", "陳小美", phone] for n in range(count))]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def results(path: Path) -> list[dict[str, str]]:
    with path.with_name(f"{path.stem}.results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def serve(start: Callable[..., Program], home: Path) -> tuple[Program, str]:
    bind = f"127.0.0.1:{free_port()}"
    server = start("serve", MASKSERVICE_HOME=str(home), MASKSERVICE_BIND=bind, MASKSERVICE_WORKERS="1")
    server.answers(f"http://{bind}")
    return server, f"http://{bind}"


def test_on_the_database_itself(tmp_path: Path, shop: str, run: Any) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(SAMPLE.read_bytes())
    done = run("bindings", "import", str(path), "--tenant", "示範商店")
    assert done.exit_code == 1, done.output
    assert "5 of 6 orders have their masked number" in done.output
    assert "line 7: premium_rate" in done.output
    found = results(path)
    assert [row["status"] for row in found] == ["201"] * 5 + ["422"]
    assert len({row["masked_number"] for row in found[:5]}) == 5
    assert found[5]["code"] == "premium_rate"
    told = done.output + path.with_name("orders.results.csv").read_text("utf-8")
    assert not [digits for digits in ("0912", "912345678", "922333444", "0204-123456") if digits in told]


def test_over_http_and_again(tmp_path: Path, home: Path, shop: str, start: Any, result_of: ResultOf) -> None:
    path = orders(tmp_path, 120)
    _, url = serve(start, home)
    asked = ("bindings", "import", str(path), "--url", url, "--api-key", shop, "--rows", "50")
    told = result_of(*asked)
    assert (told["lines"], told["bound"], told["passed_over"], told["failed"]) == (120, 120, 0, 0)
    before = results(path)
    assert [row["line"] for row in before] == [str(n) for n in range(2, 122)]
    told = result_of(*asked)
    assert (told["bound"], told["passed_over"]) == (120, 120)
    assert results(path) == before
    # Without the results of the first run each order is asked for again, and has its number already.
    path.with_name("orders.results.csv").unlink()
    result_of(*asked)
    again = results(path)
    assert {row["status"] for row in again} == {"200"}
    assert [row["masked_number"] for row in again] == [row["masked_number"] for row in before]


def test_a_corrected_line_is_asked_again(tmp_path: Path, shop: str, run: Any) -> None:
    path = orders(tmp_path, 3, phone="0204-123456")
    assert run("bindings", "import", str(path), "--tenant", "示範商店").exit_code == 1
    assert [row["status"] for row in results(path)] == ["422"] * 3
    assert run("bindings", "import", str(orders(tmp_path, 3)), "--tenant", "示範商店").exit_code == 0
    assert [row["status"] for row in results(path)] == ["201"] * 3
    # Another file in the same place: a line counts as done for its order only.
    path.write_text(path.read_text("utf-8-sig").replace("TW-1", "TW-9"), encoding="utf-8")
    assert run("bindings", "import", str(path), "--tenant", "示範商店").exit_code == 0
    assert [row["order_id"] for row in results(path)] == ["TW-0", "TW-9", "TW-2"]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["import", "server"])
def test_killed_in_the_middle_and_run_again(
    tmp_path: Path, home: Path, shop: str, start: Any, result_of: ResultOf, victim: str
) -> None:
    count = 3000
    path = orders(tmp_path, count)
    server, url = serve(start, home)
    asked = ("bindings", "import", str(path), "--url", url, "--rows", "100")
    importer = start(*asked, MASKSERVICE_IMPORT_API_KEY=shop, MASKSERVICE_HOME=str(home))
    kept = path.with_name("orders.results.csv")
    importer.until(lambda: kept.exists() and kept.read_bytes().count(b"\n") > 300)
    if victim == "import":
        importer.end(signal.SIGKILL)
    else:
        server.kill()
        time.sleep(0.3)
        importer.end(signal.SIGKILL)
        _, url = serve(start, home)
    before = {row["order_id"]: row["masked_number"] for row in results(path) if row["status"] == "201"}
    assert 300 <= len(before) < count
    told = result_of("bindings", "import", str(path), "--url", url, "--rows", "100", "--api-key", shop)
    assert (told["lines"], told["bound"], told["failed"]) == (count, count, 0)
    assert told["passed_over"] >= 300
    found = {row["order_id"]: row["masked_number"] for row in results(path)}
    assert len(found) == len(set(found.values())) == count
    assert before.items() <= found.items()
    # The database holds exactly these: nothing was issued for an answer that was lost.
    held = sum(row["held"] for row in result_of("numbers", "list", "--pool", "default")["data"])
    assert held == count


def test_a_pool_that_is_full_is_a_line_s_error(tmp_path: Path, home: Path, result_of: ResultOf, run: Any) -> None:
    result_of("pool", "create", "small", "--density", "0.0005")
    result_of("numbers", "import", "0900-000099", "--pool", "small")
    result_of("tenant", "create", "店", "--pool", "small")
    path = orders(tmp_path, 8)
    done = run("bindings", "import", str(path), "--tenant", "店", "--pool", "small", "--json")
    assert done.exit_code == 1
    assert [row["code"] for row in results(path)].count("pool_exhausted") == 3
    result_of("numbers", "import", "0900-000098", "--pool", "small")
    assert run("bindings", "import", str(path), "--tenant", "店", "--pool", "small").exit_code == 0


def test_what_is_refused_before_anything_is_done(tmp_path: Path, home: Path, shop: str, refused: Any) -> None:
    path = orders(tmp_path, 1)
    asked = ("bindings", "import", str(path))
    assert "--api-key" in refused(*asked, code=2)
    assert "--api-key" in refused(*asked, "--api-key", "x", "--tenant", "示範商店", code=2)
    assert "no tenant" in refused(*asked, "--tenant", "nobody")


def test_a_wrong_key_is_said_at_once(tmp_path: Path, home: Path, shop: str, start: Any, refused: Any) -> None:
    _, url = serve(start, home)
    said = refused("bindings", "import", str(orders(tmp_path, 1)), "--url", url, "--api-key", "msk_wrong")
    assert "401 unauthenticated" in said


def test_results_that_were_cut_off_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    with ResultsFile(path) as kept:
        kept.add([Result(2, "a", 201, "0900-000000#1234", "bnd_1"), Result(3, "b", 422, code="x", detail="y, z")])
        kept.add([Result(4, "c", 200, "0900-000000#1235", "bnd_2")])
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        kept = ResultsFile(path)
        for line, result in kept.bound.items():
            assert result == {2: Result(2, "a", 201, "0900-000000#1234", "bnd_1"), 4: Result(4, "c", 200,
                              "0900-000000#1235", "bnd_2")}[line]  # fmt: skip
    path.write_bytes(whole)
    assert set(ResultsFile(path).bound) == {2, 4}
