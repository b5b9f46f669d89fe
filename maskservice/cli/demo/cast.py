"""Who plays in the demo: the shop, its numbers, its orders as they stand on Taiwanese orders, the courier.

Answers for: the sample texts. Must not know: what becomes of them. None of these is anybody's number that we know of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SHOP = "示範商店"
CARE_LINE = "02-2345-6700"
PBX_NAME = "demo"
COURIER = "0987654321"

# The ministry's sample label has 0900-000000#5678: the walked order's pool holds nothing else.
SHORT_POOL, SHORT_NUMBERS = "demo", ("+886900000000", *(f"+88690000000{last}" for last in range(1, 10)))
LONG_POOL, LONG_NUMBERS = "demo-long", ("+886900000011", "+886900000012", "+886900000013")


@dataclass(frozen=True, slots=True)
class SampleOrder:
    """An order as a platform sends it. ``remark``: what is particular about it, in Chinese and English."""

    name: str
    phone: str = field(repr=False)
    address: str
    pool: str
    remark: str

    @property
    def phone_shown(self) -> str:
        """How the phone was written, without its digits."""
        return re.sub(r"\d", "•", self.phone)


WALKED = SampleOrder(
    "陳小美", "0912-345-678", "台北市大安區敦化南路1段111號", SHORT_POOL, "政府範例 the ministry's sample"
)
SAMPLES = (
    WALKED,
    SampleOrder("歐陽小明", "０９２２－３３３－４４４", "高雄市前金區中正四路211號", LONG_POOL, "全形 full width"),
    SampleOrder(
        "大同股份有限公司",
        "(02)2345-6789 分機100",
        "台北市中山區中山北路三段22號",
        LONG_POOL,
        "公司分機 an office extension",
    ),
    SampleOrder("John Smith", "+886 933 555 777", "台北市信義區信義路五段7號", LONG_POOL, "國際格式 international"),
    SampleOrder(
        "王明(收)", "TEL:07-212-3456", "高雄市苓雅區四維三路2號", LONG_POOL, "高雄市話 a landline in Kaohsiung"
    ),
)
