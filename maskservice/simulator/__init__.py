"""The simulated PBX: a client of the published contract that dials, hears, keys, rings and reports like a real one.

Answers for: playing a call over real HTTP with real signatures, and telling what each side saw. Must not know: the
inside of the service.
"""

from __future__ import annotations

from maskservice.simulator.narration import narrate
from maskservice.simulator.pbx import SimulatedPbx
from maskservice.simulator.story import CallStory, Ending, Heard, Pickup, Pressed, Role
from maskservice.simulator.wire import Exchange, SimulatorError

__all__ = [
    "CallStory",
    "Ending",
    "Exchange",
    "Heard",
    "Pickup",
    "Pressed",
    "Role",
    "SimulatedPbx",
    "SimulatorError",
    "narrate",
]
