"""What is pasted into FreeSWITCH is held to what the documents do."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

from maskservice.domain.prompts import say_whisper
from maskservice.telephony import freeswitch_words as words
from maskservice.telephony.freeswitch import FREESWITCH
from tests.telephony.httapi import UUID
from tests.telephony.webhooks import BASE, CONNECT, CONNECT_POST_DIAL, GATHER, HANGUP, LINKS, MENU, RECIPIENT, X

SETUP = FREESWITCH.setup(pbx_id="pbx_1", base_url=BASE, secret="whsec_x")


def pasted(tag: str) -> ElementTree.Element:
    match = re.search(rf"^<{tag}[ >].*?^</{tag}>$", SETUP, re.M | re.S)
    assert match is not None
    return ElementTree.fromstring(match[0])


def test_the_profile_allows_what_documents_do_and_nothing_else() -> None:
    profile = pasted("profile")
    params = [(each.get("name"), each.get("value")) for each in profile.findall("params/param")]
    allowed = {each.get("name"): each.get("value") for each in profile.findall("permissions/permission")}
    assert dict(params)["method"] == "POST"
    assert dict(params)["enable-cacert-check"] == dict(params)["enable-ssl-verifyhost"] == "true"
    assert [value for name, value in params if name == "enable-post-var"] == list(words.POSTED)
    assert [name for name, value in allowed.items() if value == "true"] == [
        "set-params", "extended-data", "dial-set-context", "set-vars", "execute-apps",
    ]  # fmt: skip
    # 'none' with the value true fills the permissions with ones: it allows everything
    assert next(iter(allowed.items())) == ("all", "false")
    for kind in ("variable", "application"):
        assert {each.get("default") for each in profile.iter(f"{kind}-list")} == {"deny"}
    variables = {each.get("name") for each in profile.iter("variable")}
    applications = {each.get("name") for each in profile.iter("application")}
    for answer in (GATHER, MENU, CONNECT, CONNECT_POST_DIAL, HANGUP):
        root = ElementTree.fromstring(FREESWITCH.write(UUID, answer, links=LINKS).body)
        assert {each.tag for each in root.findall("variables/*")} <= variables
        assert {each.get("application") for each in root.iter("execute")} <= applications
    assert (len(variables), applications) == (6, {"answer"})


def test_the_dialplan_dials_only_what_it_has_read_as_digits() -> None:
    dialplan = pasted("include")
    (connect,) = [each for each in dialplan.iter("extension") if each.get("name") == "connect"]
    conditions = {each.get("field"): each.get("expression") or "" for each in connect.findall("condition")}
    number = conditions["${mask_to}"]
    assert re.search(number, RECIPIENT)
    assert re.search(conditions["${mask_caller_id}"], X)
    for hostile in ("", "0912345678", "+886912345678,x", "+886912345678|x", "{a=b}+886912345678", "+886912345678\n+1"):
        assert not re.fullmatch(number.removesuffix("$").removeprefix("^"), hostile)
        assert not re.fullmatch(conditions["${mask_caller_id}"].strip("^$"), hostile)
    assert re.search(conditions["${mask_ring_timeout_s}:${mask_max_duration_s}"], "30:1800")
    (dialled,) = [each.get("data") or "" for each in connect.iter("action") if each.get("application") == "bridge"]
    assert dialled.endswith("}sofia/gateway/trunk/$1")
    assert set(re.findall(r"\$\{(.*?)\}", dialled)) == {"mask_caller_id"}
    # these hold for the recipient's leg: set on the caller's channel alone they would not
    on_his_leg = dialled[1 : dialled.index("}sofia")].split(",")
    assert {"sip_cid_type=none", "sip_copy_custom_headers=false", "outbound_redirect_fatal=true"} <= set(on_his_leg)
    names = {each.get("name") for each in dialplan.findall("context")}
    dial = ElementTree.fromstring(FREESWITCH.write(UUID, CONNECT, links=LINKS).body).find("work/dial")
    assert dial is not None
    assert dial.get("context") in names - {"mask"}
    # a variable of the caller's own is never part of a parameter list: '{a=b,url=…}' would be one
    assert all(each.get("data") is None for each in dialplan.iter("action") if each.get("application") == "httapi")


def extension(name: str) -> ElementTree.Element:
    (found,) = [each for each in pasted("include").iter("extension") if each.get("name") == name]
    return found


def test_nothing_of_the_first_bridge_is_left_over_for_the_second() -> None:
    names = [each.get("name") for each in pasted("include").iter("extension")]
    assert names.index("afresh") < min(names.index(each) for each in ("whisper", "post-dial", "connect"))
    afresh = extension("afresh")
    assert afresh.get("continue") == "true"
    unset = {each.get("data") for each in afresh.iter("action") if each.get("application") == "unset"}
    # without the exports of before: the keys of one bridge would be sent into the next
    assert unset >= {"export_vars", "originate_disposition", "originate_failed_cause"}
    later = [str(each.get("data")).partition("=")[0] for each in extension("whisper").iter("action")]
    assert {each for each in later if each.startswith("group_confirm")} - {"group_confirm_cancel_timeout"} <= unset
    # the caller is kept for what is next unless there was a talk
    kept = {each.get("data") for each in extension("connect").iter("action")}
    assert {"continue_on_fail=true", "hangup_after_bridge=true"} <= kept


def test_a_whisper_is_a_recording_of_a_fixed_set() -> None:
    whisper = extension("whisper")
    assert whisper.get("continue") == "true"
    conditions = {each.get("field"): each.get("expression") or "" for each in whisper.findall("condition")}
    told = say_whisper("商店")
    document = ElementTree.fromstring(FREESWITCH.write(UUID, replace(CONNECT, whisper=told), links=LINKS).body)
    value = document.findtext("variables/mask_whisper") or ""
    assert re.search(conditions["${mask_whisper}"], value)
    for hostile in ("", "zh-TW/goodbye", "../zh-TW/whisper", "zh-TW/whisper x", "zh-TW/whisper!x", "say:x", "${x}"):
        assert not re.fullmatch(conditions["${mask_whisper}"].strip("^$"), hostile)
    actions = [each.get("data") or "" for each in whisper.iter("action")]
    assert "group_confirm_file=playback $${sounds_dir}/mask/$1.wav" in actions
    # played before the bridge, and only to the called party: by the leg's own confirmation
    assert "group_confirm_key=exec" in actions


def test_an_address_cannot_break_out_of_the_profile() -> None:
    text = FREESWITCH.setup(pbx_id="pbx_1", base_url='https://x"/><evil a="', secret="&<")
    found = re.search(r"^<profile.*?^</profile>$", text, re.M | re.S)
    assert found is not None
    assert not list(ElementTree.fromstring(found[0]).iter("evil"))
