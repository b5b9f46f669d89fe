"""The names that mod_httapi, its documents and the dialplan share, so that the printed configuration is held to them.

Answers for: one writing of each. Must not know: what they are used for.
Source: signalwire/freeswitch cc93a68, mod_httapi.c (session_id, exiting), switch_caller.c (Caller-*), switch_channel.c
and switch_ivr_originate.c (variable_*).
"""

from __future__ import annotations

from typing import Final

from maskservice.domain.prompts import SENTENCES, PromptId

CALL_ID: Final = "session_id"
CALLER: Final = "Caller-Caller-ID-Number"
CALLER_HIDDEN: Final = "Caller-Privacy-Hide-Number"
CALLED: Final = "Caller-Destination-Number"
DIGITS: Final = "exten"
EXITING: Final = "exiting"
X_PARAM: Final = "mask_x"

DISPOSITION: Final = "variable_originate_disposition"
FAILED_CAUSE: Final = "variable_originate_failed_cause"
LAST_BRIDGE_CAUSE: Final = "variable_last_bridge_hangup_cause"
BRIDGE_CAUSE: Final = "variable_bridge_hangup_cause"
HANGUP_CAUSE: Final = "variable_hangup_cause"
HANGUP_Q850: Final = "variable_hangup_cause_q850"
BRIDGED_AT: Final = "variable_bridge_epoch"
ENDED_AT: Final = "variable_end_epoch"

POSTED: Final = (
    CALL_ID,
    EXITING,
    DIGITS,
    X_PARAM,
    CALLER,
    CALLER_HIDDEN,
    CALLED,
    DISPOSITION,
    FAILED_CAUSE,
    LAST_BRIDGE_CAUSE,
    BRIDGE_CAUSE,
    HANGUP_CAUSE,
    HANGUP_Q850,
    BRIDGED_AT,
    ENDED_AT,
)
"""All that FreeSWITCH is told to post: the profile's ``enable-post-var``, which drops everything else."""

TO, CALLER_ID, POST_DIAL = "mask_to", "mask_caller_id", "mask_post_dial"
RING_TIMEOUT, MAX_DURATION, WHISPER = "mask_ring_timeout_s", "mask_max_duration_s", "mask_whisper"
VARIABLES: Final = (TO, CALLER_ID, POST_DIAL, RING_TIMEOUT, MAX_DURATION, WHISPER)
"""The channel variables that a connect sets: the profile's ``set-vars``, which allows no other."""

APPLICATIONS: Final = ("answer",)
"""The applications that a document executes: the profile's ``execute-apps``, which allows no other."""

PROFILE: Final = "mask"
CONNECT_CONTEXT, CONNECT_EXTENSION = "mask-connect", "connect"
LONGEST_POST_DIAL: Final = 32
WHISPERED: Final = tuple(f"{language}/{PromptId.WHISPER}" for language in SENTENCES)
"""What may be whispered: recordings by their place below ``sounds/mask``, without ``.wav``. Never a text."""
