"""What is pasted into FreeSWITCH: mod_httapi's profile, the dialplan, and what the trunk needs.

Answers for: a configuration in which a document may do what the dialect writes and nothing else, and in which nothing
leaks. Must not know: documents, requests.
Source: signalwire/freeswitch cc93a68, mod_httapi.c, mod_dptools.c, mod_sofia; docs/pbx/freeswitch.rst gives the reason
of each line.
"""

from __future__ import annotations

from string import Template
from typing import Final
from xml.sax.saxutils import quoteattr

from maskservice.domain.prompts import DEFAULT_LANGUAGE
from maskservice.telephony.asterisk_sounds import FOLDER
from maskservice.telephony.dialect import Links
from maskservice.telephony.freeswitch_words import (
    APPLICATIONS,
    CALLER_ID,
    CONNECT_CONTEXT,
    CONNECT_EXTENSION,
    LONGEST_POST_DIAL,
    MAX_DURATION,
    POST_DIAL,
    POSTED,
    PROFILE,
    RING_TIMEOUT,
    TO,
    VARIABLES,
    WHISPER,
    WHISPERED,
)

# '@{' is filled in here: '$' is FreeSWITCH's own.
_PROFILE: Final = """\
1. autoload_configs/httapi.conf.xml, among <profiles>; owner root, group freeswitch, mode 0640.
   In its <settings>: <param name="debug" value="false"/>, or each connected number is written to the log.

<profile name="@{profile}">
  <params>
    <param name="gateway-url" value=@{calls_url}/>
    <param name="gateway-credentials" value=@{credentials}/>
    <param name="auth-scheme" value="basic"/>
    <param name="method" value="POST"/>
    <param name="connect-timeout" value="2"/>
    <param name="timeout" value="5"/>
    <param name="enable-cacert-check" value="true"/>
    <param name="enable-ssl-verifyhost" value="true"/>
    <param name="ssl-cacert-file" value="/etc/ssl/certs/ca-certificates.crt"/>
    <param name="ssl-version" value="TLSv1.2"/>
@{posted}
  </params>
  <permissions>
    <permission name="all" value="false"/>
    <permission name="set-params" value="true"/>
    <permission name="extended-data" value="true"/>
    <permission name="dial-set-context" value="true"/>
    <permission name="set-vars" value="true">
      <variable-list default="deny">
@{variables}
      </variable-list>
    </permission>
    <permission name="execute-apps" value="true">
      <application-list default="deny">
@{applications}
      </application-list>
    </permission>
  </permissions>
</profile>
"""

_DIALPLAN: Final = """\
2. dialplan/mask.xml; the trunk's context is "@{profile}". Replace "trunk" with the name of its gateway.
   The service reports each call to
   @{events_url}
   by the same profile: nothing is to be entered for that.

<include>
  <context name="@{profile}">
    <extension name="@{profile}">
      <condition field="destination_number" expression="^\\+?[0-9]{3,15}(?:[*#][0-9*#]{1,16})?$">
        <action application="verbose_events"/>
        <action application="set" data="sound_prefix=$${sounds_dir}"/>
        <action application="set" data="httapi_profile=@{profile}"/>
        <action application="httapi"/>
        <!-- Only a service that failed leaves the call here. -->
        <action application="answer"/>
        <action application="playback" data="@{goodbye}"/>
        <action application="hangup" data="NORMAL_TEMPORARY_FAILURE"/>
      </condition>
    </extension>
  </context>

  <!-- Nobody dials into this context: keep every trunk and every phone out of it. -->
  <context name="@{context}">
    <!-- A care line may be rung after a courier who was busy: nothing of the first call may be left over. -->
    <extension name="afresh" continue="true">
      <condition field="destination_number" expression="^@{connect}$">
        <action application="unset" data="export_vars"/>
        <action application="unset" data="originate_disposition"/>
        <action application="unset" data="originate_failed_cause"/>
        <action application="unset" data="group_confirm_key"/>
        <action application="unset" data="group_confirm_file"/>
        <action application="set" data="call_timeout=${@{ring_timeout}}"/>
      </condition>
    </extension>
    <!-- Played to the recipient alone, who has answered; the caller hears ringing. The time to answer is the leg's own
         then, and ends with the answer: call_timeout, ten times as long, would go on. -->
    <extension name="whisper" continue="true">
      <condition field="destination_number" expression="^@{connect}$"/>
      <condition field="${@{ring_timeout}}" expression="^[1-9][0-9]{0,3}$"/>
      <condition field="${@{whisper}}" expression="^(@{whispered})$">
        <action application="set" data="group_confirm_key=exec"/>
        <action application="set" data="group_confirm_file=playback $${sounds_dir}/@{folder}/$1.wav"/>
        <action application="set" data="group_confirm_cancel_timeout=true"/>
        <action application="export" data="nolocal:leg_timeout=${@{ring_timeout}}"/>
        <action application="set" data="call_timeout=${@{ring_timeout}}0"/>
      </condition>
    </extension>
    <extension name="post-dial" continue="true">
      <condition field="destination_number" expression="^@{connect}$"/>
      <condition field="${@{post_dial}}" expression="^[0-9*#]{1,@{longest_post_dial}}$">
        <action application="export" data="nolocal:execute_on_answer_2=send_dtmf wwww${@{post_dial}}"/>
      </condition>
    </extension>
    <extension name="connect">
      <condition field="destination_number" expression="^@{connect}$"/>
      <condition field="${@{caller_id}}" expression="^\\+[1-9][0-9]{6,14}$"/>
      <condition field="${@{ring_timeout}}:${@{max_duration}}" expression="^[1-9][0-9]{0,3}:[1-9][0-9]{0,4}$"/>
      <condition field="${@{to}}" expression="^(\\+[1-9][0-9]{6,14})$">
        <action application="set" data="effective_caller_id_number=${@{caller_id}}"/>
        <action application="set" data="effective_caller_id_name=${@{caller_id}}"/>
        <action application="set" data="initial_callee_id_number=${@{caller_id}}"/>
        <action application="set" data="initial_callee_id_name=${@{caller_id}}"/>
        <action application="set" data="sip_cid_in_1xx=false"/>
        <action application="set" data="sip_copy_custom_headers=false"/>
        <action application="set" data="sip_copy_multipart=false"/>
        <action application="set" data="bypass_media=false"/>
        <action application="set" data="proxy_media=false"/>
        <action application="set" data="ignore_early_media=true"/>
        <action application="set" data="transfer_ringback=%(1000,2000,440,480)"/>
        <action application="set" data="continue_on_fail=true"/>
        <action application="set" data="hangup_after_bridge=true"/>
        <action application="export"
                data="nolocal:execute_on_answer_1=sched_hangup +${@{max_duration}} ALLOTTED_TIMEOUT"/>
        <action application="bridge" data="@{dial_string}"/>
        <action application="httapi"/>
        <action application="playback" data="@{goodbye}"/>
        <action application="hangup" data="NORMAL_TEMPORARY_FAILURE"/>
      </condition>
    </extension>
    <!-- A number or a limit that is none: nothing is dialled. -->
    <extension name="refused">
      <condition>
        <action application="httapi"/>
        <action application="answer"/>
        <action application="playback" data="@{goodbye}"/>
        <action application="hangup" data="NORMAL_TEMPORARY_FAILURE"/>
      </condition>
    </extension>
  </context>
</include>
"""

_TRUNK: Final = """\
3. The trunk's SIP profile, <settings>:

<param name="context" value="@{profile}"/>
<param name="pass-callee-id" value="false"/>
<param name="send-display-update" value="false"/>
<param name="disable-transfer" value="true"/>
<param name="inbound-bypass-media" value="false"/>
<param name="inbound-proxy-media" value="false"/>
<param name="sip-trace" value="no"/>

   and its gateway:

<param name="caller-id-in-from" value="true"/>

4. Recordings below the sounds folder: @{folder}/@{language}/…, named in docs/pbx/freeswitch.rst.
   Load mod_httapi, mod_dptools, mod_sofia, mod_sndfile and mod_tone_stream.
"""


class _Template(Template):
    delimiter = "@"


def configuration(links: Links, *, pbx_id: str, secret: str) -> str:
    """Three pieces of XML, each after a line that says where it belongs. Holds ``secret``."""
    dial_string = (
        "{"
        + ",".join(
            (
                f"origination_caller_id_number=${{{CALLER_ID}}}",
                f"origination_caller_id_name=${{{CALLER_ID}}}",
                f"origination_callee_id_number=${{{CALLER_ID}}}",
                f"origination_callee_id_name=${{{CALLER_ID}}}",
                "sip_cid_type=none",
                "sip_copy_custom_headers=false",
                "outbound_redirect_fatal=true",
            )
        )
        + "}sofia/gateway/trunk/$1"
    )
    return _Template(f"{_PROFILE}\n{_DIALPLAN}\n{_TRUNK}").substitute(
        profile=PROFILE,
        calls_url=quoteattr(links.calls_url),
        events_url=links.events_url,
        credentials=quoteattr(f"{pbx_id}:{secret}"),
        posted=_lines("    ", "param", POSTED, ' name="enable-post-var" value="{}"'),
        variables=_lines("        ", "variable", VARIABLES, ' name="{}"'),
        applications=_lines("        ", "application", APPLICATIONS, ' name="{}"'),
        context=CONNECT_CONTEXT,
        connect=CONNECT_EXTENSION,
        to=TO,
        caller_id=CALLER_ID,
        post_dial=POST_DIAL,
        longest_post_dial=LONGEST_POST_DIAL,
        ring_timeout=RING_TIMEOUT,
        max_duration=MAX_DURATION,
        whisper=WHISPER,
        whispered="|".join(WHISPERED),
        dial_string=dial_string,
        goodbye=f"{FOLDER}/{DEFAULT_LANGUAGE}/goodbye.wav",
        folder=FOLDER,
        language=DEFAULT_LANGUAGE,
    )


def _lines(indent: str, tag: str, names: tuple[str, ...], attributes: str) -> str:
    return "\n".join(f"{indent}<{tag}{attributes.format(name)}/>" for name in names)
