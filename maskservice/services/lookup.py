"""From what storage found to what the rules need: a met binding seen with the caller's mark, and a tenant's care line.

Answers for: comparing marks, never numbers. Must not know: the decision, SQL.
"""

from __future__ import annotations

from hmac import compare_digest

from maskservice.domain.call import Contact, Reachable
from maskservice.domain.errors import NotFound
from maskservice.domain.phone import PhoneNumber
from maskservice.services.content import open_phone
from maskservice.services.ports import NumberCipher
from maskservice.services.records import Met, Tenant

CARE_LINE_FIELD = "care_line"


def reachable(met: Met, mark: bytes | None) -> Reachable:
    """``mark``: the caller's blind index on this virtual number, None for a withheld caller."""
    content, contact = met.stored.content, met.contact
    was_courier = contact is not None and mark is not None and compare_digest(contact.mark, mark)
    if contact is not None and content is not None and compare_digest(contact.mark, content.phone_mark):
        # The recipient's phone was changed to that of the last courier: nobody is connected to himself.
        contact = None
    return Reachable(
        binding=met.stored.binding,
        shop=met.tenant.name,
        has_care_line=met.tenant.care_line is not None,
        is_recipient=content is not None and mark is not None and compare_digest(content.phone_mark, mark),
        shared_line=content is not None and content.shared_line,
        contact=None
        if contact is None
        else Contact(
            contact.mark,
            contact.reached_at,
            contact.expires_at,
            contact.withdrawn,
            contact.caller,
            contact.enrolled,
        ),
        calls=met.tenant.policy.calls.with_rules(met.stored.binding.call_rules),
        standing=met.standing,
        hooks=met.tenant.hooks,
        was_courier=was_courier and contact is not None and not contact.withdrawn,
    )


def care_line_of(tenant: Tenant, cipher: NumberCipher) -> PhoneNumber:
    """The tenant's care line in the open. Raises NotFound where it has none."""
    if tenant.care_line is None or tenant.wrapped_key is None:
        raise NotFound("The tenant has no care line.")
    return open_phone(tenant.care_line, cipher.open_row(tenant.id, tenant.id, tenant.wrapped_key), CARE_LINE_FIELD)
