"""What of a recipient's address is printed and sealed."""

from __future__ import annotations

import pytest

from maskservice.domain.phone import PhoneNumber
from maskservice.services.content import NUMBER_IN_ADDRESS, printable_address

MOBILE = PhoneNumber.from_e164("+886912345678")
TAIPEI = PhoneNumber.from_e164("+886223456789")
HIDDEN = (NUMBER_IN_ADDRESS,)


@pytest.mark.parametrize(
    ("address", "phone", "shown", "warnings"),
    [
        (None, MOBILE, None, ()),
        ("台北市中山路1號", MOBILE, "台北市中山路1號", ()),
        ("台北市中山路1號 0912345678", MOBILE, "台北市中山路1號 •••", HIDDEN),
        ("台北市中山路1號 0987654321", MOBILE, "台北市中山路1號 •••", HIDDEN),
        ("台北市中山路1號 0912轉345轉678", MOBILE, "台北市中山路1號 •••轉•••轉•••", HIDDEN),
        ("台北市中山路1號 2345-6789", TAIPEI, "台北市中山路1號 •••", HIDDEN),
        ("台北市中山路1號 2345-6789", MOBILE, "台北市中山路1號 2345-6789", ()),
    ],
)
def test_an_address_as_it_is_printed(
    address: str | None, phone: PhoneNumber, shown: str | None, warnings: tuple[str, ...]
) -> None:
    assert printable_address(address, phone) == (shown, warnings)


def test_without_the_recipient_s_own_number_the_usual_forms_are_hidden() -> None:
    assert printable_address("1號 0912 345 678 5樓") == ("1號 ••• 5樓", HIDDEN)
    assert printable_address("1號 0912轉345轉678") == ("1號 0912轉345轉678", ())
