"""maskservice: logistics phone masking (物流隱碼). Virtual numbers with extensions in place of real phones."""

__version__ = "1.0.0"
