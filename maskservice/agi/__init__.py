"""The FastAGI entrance: Asterisk connects, and is led through a call step by step. A room beside ``web/``.

Answers for: speaking AGI within bounds, and an audible end whatever fails. Must not know: Flask, the database, how a
call is decided; that, the secrets and the reports come in as functions (:class:`Entrance`).
"""

from __future__ import annotations

from maskservice.agi.conversation import Entrance
from maskservice.agi.server import AgiServer, Limits, serve

__all__ = ["AgiServer", "Entrance", "Limits", "serve"]
