"""A leg is opened: who calls, what he asks as far as the request alone tells it, and all of it looked up in one read.

Answers for: the question that a first leg asks being looked up together with the legs before, so that most legs need no
second read. Must not know: SQL, the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from maskservice.domain.call import Thread
from maskservice.domain.question import Bare, Keyed, question_of
from maskservice.domain.ruling import Facts
from maskservice.services.call_memory import Webhook
from maskservice.services.facts import facts_of_caller, facts_of_slot, who_calls
from maskservice.services.guarding import guard_key
from maskservice.services.leg_records import LegKey, Opening
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Met, Receipt, Who


@dataclass(frozen=True, slots=True)
class OpenedLeg:
    """``question``: as if there were no legs before. ``opening`` is None where the number is in no pool."""

    question: Keyed | Bare
    who: Who
    key: LegKey
    opening: Opening | None

    def facts(self, opening: Opening) -> tuple[Facts, Sequence[Met]]:
        """What was looked up, as the rules want it; of use only while the legs before leave the question the same."""
        if isinstance(self.question, Keyed):
            return facts_of_slot(opening.found.line, opening.met, self.who.mark)
        return facts_of_caller(opening.found, self.who.mark)


def open_leg(
    webhook: Webhook, virtual_number: str, *, now: datetime, uow: UnitOfWork, ports: Ports
) -> OpenedLeg | None:
    """One statement. None for a leg that says by itself to be a later one: a star, the end of a bridge."""
    question = question_of(webhook.call, Thread())
    if not isinstance(question, Keyed | Bare):
        return None
    who = who_calls(webhook.call, question, virtual_number, ports)
    caller = guard_key(who, webhook.pbx_id, ports)
    key = LegKey(webhook.pbx_id, webhook.call.pbx_call_id, webhook.webhook_id, caller)
    if isinstance(question, Keyed):
        opening = uow.legs.with_digits(virtual_number, question.extension or "", who, key)
    else:
        opening = uow.legs.without_digits(virtual_number, who, key, now=now)
    return OpenedLeg(question, who, key, opening)


def heard(opened: OpenedLeg | None, webhook: Webhook, virtual_number: str, uow: UnitOfWork) -> Sequence[Receipt]:
    """The receipts of the call in the order of their legs, behind them that of another call under the webhook's id;
    read by a statement of their own where the opening did not bring them."""
    opening = None if opened is None else opened.opening
    if opened is None or (opening is not None and opening.is_known and isinstance(opened.question, Bare)):
        return uow.receipts.thread(virtual_number, webhook.pbx_id, webhook.call.pbx_call_id, webhook.webhook_id)
    return () if opening is None else opening.legs
