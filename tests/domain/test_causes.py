"""Why a call ended and who ended it, as tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskservice.domain.call import FINAL, Outcome
from maskservice.domain.causes import OF_THE_LINE, Cause, EndedBy, cause_of_end, ender_of, weightier

CALLER, CALLED, SERVICE, PBX = EndedBy.CALLER, EndedBy.CALLED, EndedBy.SERVICE, EndedBy.PBX


@pytest.mark.parametrize(
    ("outcome", "told", "cause", "ender"),
    [
        (Outcome.COMPLETED, Cause.UNKNOWN, Cause.NORMAL_CLEARING, None),
        (Outcome.COMPLETED, Cause.NORMAL_CLEARING, Cause.NORMAL_CLEARING, None),
        (Outcome.COMPLETED, Cause.MAX_DURATION, Cause.MAX_DURATION, PBX),
        (Outcome.COMPLETED, Cause.NETWORK_FAILURE, Cause.NETWORK_FAILURE, PBX),
        (Outcome.BUSY, Cause.UNKNOWN, Cause.BUSY, CALLED),
        (Outcome.BUSY, Cause.REJECTED, Cause.REJECTED, CALLED),
        (Outcome.NO_ANSWER, Cause.UNKNOWN, Cause.NO_ANSWER, PBX),
        (Outcome.NO_ANSWER, Cause.NORMAL_CLEARING, Cause.NO_ANSWER, PBX),
        (Outcome.NO_ANSWER, Cause.UNREACHABLE, Cause.UNREACHABLE, PBX),
        (Outcome.CANCELED, Cause.NORMAL_CLEARING, Cause.CALLER_CANCELED, CALLER),
        (Outcome.CANCELED, Cause.NETWORK_FAILURE, Cause.NETWORK_FAILURE, PBX),
        (Outcome.FAILED, Cause.UNKNOWN, Cause.UNKNOWN, PBX),
        (Outcome.FAILED, Cause.UNALLOCATED_NUMBER, Cause.UNALLOCATED_NUMBER, PBX),
        (Outcome.FAILED, Cause.UNWANTED, Cause.UNWANTED, CALLED),
        (Outcome.UNAVAILABLE, Cause.UNKNOWN, Cause.REFUSED, SERVICE),
    ],
)
def test_an_end(outcome: Outcome, told: Cause, cause: Cause, ender: EndedBy | None) -> None:
    assert cause_of_end(outcome, told) is cause
    assert ender_of(outcome, cause) is ender


def test_every_end_has_an_ender_but_a_talk() -> None:
    for outcome in FINAL:
        for told in Cause:
            cause = cause_of_end(outcome, told)
            assert (ender_of(outcome, cause) is None) == (
                outcome is Outcome.COMPLETED and cause is Cause.NORMAL_CLEARING
            ), (outcome, told)


def test_every_cause_is_explained_to_operators_with_its_ender() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.rst").read_text("utf-8")
    table = text.split("\nCauses\n")[1].split("\nRedials\n")[0]
    rows = {line.split("``")[1]: line.split()[-1] for line in table.splitlines() if line.startswith("``")}
    assert set(rows) == set(Cause)
    for cause in set(Cause) - {Cause.UNKNOWN}:
        assert rows[cause] == str(ender_of(Outcome.COMPLETED, cause) or "null"), cause


def test_the_weightier_cause() -> None:
    ladder = (Cause.UNKNOWN, Cause.NORMAL_CLEARING, Cause.CALLER_CANCELED, Cause.BUSY)
    for low, first in enumerate(ladder):
        for second in ladder[low:]:
            assert weightier(first, second) is weightier(second, first) is second
    assert weightier(Cause.BUSY, Cause.TIMEOUT) is Cause.BUSY
    assert all(weightier(Cause.CALLER_CANCELED, each) is each for each in OF_THE_LINE)
