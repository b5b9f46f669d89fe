"""A webhook that was answered already: a retry gets the same answer.

Answers for: reading it off the receipt, and connecting nobody to a binding that has ended since. Must not know: SQL, a
PBX's format.
"""

from __future__ import annotations

from datetime import datetime

from maskservice.domain.call import Connect, Gather, Hangup, Outcome, Party
from maskservice.domain.ids import BindingId
from maskservice.domain.prompts import DEFAULT_LANGUAGE, Prompt, PromptId, say
from maskservice.services.answering import Routed, answer_of, neutral
from maskservice.services.call_memory import SILENT
from maskservice.services.lookup import reachable
from maskservice.services.ports import Ports, UnitOfWork
from maskservice.services.records import Receipt


def replay(receipt: Receipt, *, now: datetime, uow: UnitOfWork, ports: Ports) -> Routed:
    """The same answer to the same webhook. A connect is opened anew: where the binding has ended or been frozen since,
    nobody may be connected to it any more, not even by a retry, and the sentence is the neutral one."""
    if receipt.action == "connect" and receipt.binding is not None and receipt.party is not None:
        party = Party(receipt.party)
        one = uow.calls.line_and_binding(BindingId(receipt.virtual_number, receipt.binding))
        line, met = (None, None) if one is None else one
        if line is None or met is None:
            return Routed(neutral(), Outcome.UNAVAILABLE, replayed=True)
        gone = party is Party.COURIER and reachable(met, None).reached_by(now) is None
        binding = met.stored.binding
        # A hook forwarded a call about a binding that had ended by then: its end is no news, and the care line is the
        # tenant's.
        forwarded = party is Party.CARE_LINE and (binding.ended_at or binding.expires_at) <= receipt.received_at
        if gone or not (binding.is_live(now) or (forwarded and met.tenant.care_line is not None)):
            return Routed(neutral(line.calls.language), Outcome.UNAVAILABLE, replayed=True)
        answer = answer_of(Connect(party, binding.id), line, (met,), uow=uow, ports=ports)
        return Routed(answer, Outcome.CONNECTING, replayed=True)
    if receipt.action == "gather" and receipt.prompt is not None:
        prompt_id = PromptId(receipt.prompt)
        language, text = receipt.language or DEFAULT_LANGUAGE, receipt.prompt_text
        prompt = say(prompt_id, language=language) if text is None else Prompt(prompt_id, text, language)
        gather = Gather(prompt, max_digits=receipt.max_digits or 1, attempts_left=receipt.attempts_left or 1)
        return Routed(gather, Outcome.ASKING, replayed=True)
    if receipt.prompt is not None and receipt.prompt_text is not None:
        told = Prompt(PromptId(receipt.prompt), receipt.prompt_text, receipt.language or DEFAULT_LANGUAGE)
        return Routed(Hangup(told), Outcome.UNAVAILABLE, replayed=True)
    answer = Hangup(None) if receipt.prompt == SILENT else neutral(receipt.language or DEFAULT_LANGUAGE)
    return Routed(answer, Outcome.UNAVAILABLE, replayed=True)
