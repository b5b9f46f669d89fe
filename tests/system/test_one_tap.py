"""One tap over real HTTP: a courier app taps, and the simulated PBX carries a call of the number alone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from maskservice.simulator.story import Ending, Heard
from tests.system.installation import install, order, pbx_of, serving

COURIER, STRANGER = "+886987123654", "+886977111222"


@pytest.mark.slow
def test_a_tap_connects_a_call_without_a_key_pressed(tmp_path: Path, database_url: str) -> None:
    installation = install(tmp_path / "home", database_url)
    with (
        serving(installation) as server,
        httpx.Client(base_url=server.url, headers=installation.headers) as client,
        pbx_of(installation, server) as pbx,
    ):
        made = client.post("/v1/bindings", json=order(1, phone="0912-876-543")).json()
        number = made["masked_number"].partition("#")[0]
        before = pbx.call(COURIER, number, keys=[])
        tapped = client.post("/v1/calls", json={"binding_id": made["id"], "caller": "0987-123-654"})
        assert tapped.status_code == 200
        assert tapped.json()["dial_uri"] == f"tel:{made['virtual_number']}"
        story = pbx.call(COURIER, tapped.json()["dial_uri"])
        stranger = pbx.call(STRANGER, number, keys=[])
        back = pbx.call("+886912876543", number)
    assert not before.connected
    assert isinstance(before.steps[0], Heard)
    assert (story.connected, story.steps, story.ending) == (True, (), Ending.COMPLETED)
    assert story.called is not None
    assert (story.called.reveal(), story.called_shows) == ("+886912876543", made["virtual_number"])
    assert story.neither_saw_the_other
    assert not stranger.connected
    assert back.called is not None
    assert back.called.reveal() == COURIER
