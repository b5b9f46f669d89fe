"""What the demo needs before its story begins: home, key ring, database, shop, pools, numbers, PBX.

Answers for: working on nothing and on what an earlier run left. Must not know: the story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from maskservice.cli.demo import cast
from maskservice.domain.allocation import PoolPolicy
from maskservice.domain.errors import NameTaken
from maskservice.services.pbxs import NewSecret, create_pbx, list_pbxs, rotate_secret
from maskservice.services.pools import create_pool, import_numbers, pool_use, share_pool
from maskservice.services.ports import Ports
from maskservice.services.records import ALL_SCOPES, TenantPolicy
from maskservice.services.tenants import create_tenant, issue_key, list_tenants
from maskservice.settings import Settings


@dataclass(frozen=True, slots=True)
class Shop:
    """``grace``: the shop's own, which an operator may have changed since an earlier run."""

    tenant_id: str
    api_key: str = field(repr=False)
    grace: timedelta
    is_new: bool


def open_shop(settings: Settings, ports: Ports) -> Shop:
    """The shop with a key of this run. Raises what creating a tenant raises."""
    policy = TenantPolicy(mask=settings.mask, latin_mask=settings.latin_mask)
    try:
        made = create_tenant(cast.SHOP, policy=policy, care_line=cast.CARE_LINE, pools=(), ports=ports)
    except NameTaken:
        key, text = issue_key(cast.SHOP, scopes=ALL_SCOPES, label="demo", ports=ports)
        policy = next(each.policy for each in list_tenants(ports) if each.id == key.tenant_id)
        return Shop(key.tenant_id, text, policy.grace, is_new=False)
    return Shop(made.tenant.id, made.api_key, policy.grace, is_new=True)


def fill_pools(ports: Ports) -> None:
    """Two pools of the shop: one of the ministry's number alone, one with longer extensions and a check digit."""
    _pool(cast.SHORT_POOL, PoolPolicy(), ports)
    _pool(cast.LONG_POOL, PoolPolicy(extension_length=6, check_digit=True), ports)
    import_numbers(cast.LONG_NUMBERS, pool_name=cast.LONG_POOL, ports=ports)
    for number in cast.SHORT_NUMBERS:
        if _numbers_in(cast.SHORT_POOL, ports):
            break
        # Another pool may hold it: then the next one.
        import_numbers((number,), pool_name=cast.SHORT_POOL, ports=ports)


def plug_in_pbx(ports: Ports) -> NewSecret:
    """The demo's PBX with a fresh secret; another one where an operator has revoked it."""
    known = {pbx.name: pbx.revoked_at is not None for pbx, _ in list_pbxs(ports)}
    names = (cast.PBX_NAME if number == 1 else f"{cast.PBX_NAME}-{number}" for number in count(1))
    name = next(name for name in names if not known.get(name, False))
    return rotate_secret(name, ports=ports) if name in known else create_pbx(name, ports=ports)


def _pool(name: str, policy: PoolPolicy, ports: Ports, *, tenants: Sequence[str] = (cast.SHOP,)) -> None:
    try:
        create_pool(name, policy=policy, tenants=tenants, ports=ports)
    except NameTaken:
        share_pool(name, tenants=tenants, ports=ports)


def _numbers_in(name: str, ports: Ports) -> int:
    return next(use.numbers for use in pool_use(ports) if use.name == name)
