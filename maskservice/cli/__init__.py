"""The command line: click commands, one file a group, that open the application and call its services.

Answers for: what an operator types and reads. Must not know: SQL, HTTP handlers, how anything is decided.
"""

from __future__ import annotations

import click

from maskservice import __version__
from maskservice.cli.agi import agi
from maskservice.cli.bindings import bindings
from maskservice.cli.call import call
from maskservice.cli.caller import caller
from maskservice.cli.calls import calls
from maskservice.cli.courier import courier
from maskservice.cli.courier_import import import_ as _import  # noqa: F401 -- joins the group 'courier'
from maskservice.cli.db import db
from maskservice.cli.demo import demo
from maskservice.cli.hook import hook
from maskservice.cli.init import init
from maskservice.cli.key import key
from maskservice.cli.keys import keys
from maskservice.cli.output import examples
from maskservice.cli.pbx import pbx
from maskservice.cli.plan import plan
from maskservice.cli.pool import pool
from maskservice.cli.pool_calls import calls as _pool_calls  # noqa: F401 -- joins the group 'pool'
from maskservice.cli.pool_guard import guard as _guard  # noqa: F401 -- joins the group 'pool'
from maskservice.cli.prompts import prompts
from maskservice.cli.refusals import RefusingGroup
from maskservice.cli.rekey import rekey as _rekey  # noqa: F401 -- joins the group 'numbers'
from maskservice.cli.restrict import restrict as _restrict  # noqa: F401 -- joins the group 'numbers'
from maskservice.cli.serve import serve
from maskservice.cli.tenant import tenant
from maskservice.cli.tenant_calls import calls as _tenant_calls  # noqa: F401 -- joins the group 'tenant'
from maskservice.cli.virtual_numbers import numbers
from maskservice.cli.worker import worker


@click.group(
    cls=RefusingGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "maskservice demo                    # from nothing to a running service, on sample orders",
        "maskservice init                    # the real thing: database and key ring",
        "maskservice tenant create 示範商店",
        "maskservice numbers import 0900-000000 --pool default",
        "maskservice serve",
    ),
)
@click.version_option(__version__, prog_name="maskservice")
def main() -> None:
    """Logistics phone masking 物流隱碼: virtual numbers with extensions in place of real phones.

    Settings come from MASKSERVICE_* variables over the files in config/; config/default.toml says what each one is.
    """


_COMMANDS = (
    demo,
    init,
    db,
    tenant,
    key,
    pool,
    numbers,
    bindings,
    courier,
    caller,
    pbx,
    hook,
    prompts,
    keys,
    serve,
    agi,
    worker,
    call,
    calls,
    plan,
)
for _command in _COMMANDS:
    main.add_command(_command)

__all__ = ["main"]
