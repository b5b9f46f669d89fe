"""``hook``: a tenant's hooks.

Answers for: showing a secret once. Must not know: how a hook is asked, what its answer means.
"""

from __future__ import annotations

import click

from maskservice.cli.opening import opened
from maskservice.cli.output import examples, json_option, note, print_facts, print_json, print_rows, when
from maskservice.domain.hooks import FailurePolicy, HookKind
from maskservice.services.hooks import HookView, list_hooks, remove_hook, set_hook, try_hook
from maskservice.services.ports import Ports
from maskservice.services.records import Tenant
from maskservice.services.tenants import tenant_named

_KINDS = click.Choice([str(each) for each in HookKind])


@click.group(
    epilog=examples(
        "maskservice hook set 示範商店 before_connect https://hooks.example.com/connect --on-failure connect",
        "maskservice hook set 示範商店 out_of_session https://hooks.example.com/late",
        "maskservice hook test 示範商店 before_connect",
    )
)
def hook() -> None:
    """Hooks of a tenant: its own server, asked before a connect and out of session; see docs/hooks.rst."""


@hook.command(
    "set",
    epilog=examples(
        "maskservice hook set 示範商店 before_connect https://hooks.example.com/connect --on-failure refuse",
        "maskservice hook set 示範商店 out_of_session https://hooks.example.com/late --new-secret --json",
    ),
)
@click.argument("tenant")
@click.argument("kind", type=_KINDS)
@click.argument("url")
@click.option(
    "--on-failure",
    type=click.Choice([str(each) for each in FailurePolicy]),
    help="What a hook without an answer means for the call; before_connect needs it.",
)
@click.option("--new-secret", is_flag=True, help="Replace the secret of a hook that has one.")
@json_option
def set_(tenant: str, *, kind: str, url: str, on_failure: str | None, new_secret: bool, as_json: bool) -> None:
    """Register a hook, or change it. Its secret is shown once, when it is made."""
    with opened() as ports:
        made = set_hook(
            _tenant(tenant, ports),
            HookKind(kind),
            url=url,
            on_failure=None if on_failure is None else FailurePolicy(on_failure),
            new_secret=new_secret,
            ports=ports,
        )
    if as_json:
        print_json({**_facts(made), "secret": made.secret})
        return
    facts = {"kind": made.kind, "url": made.url, "on_failure": made.on_failure or "–"}
    print_facts("Hook set.", facts if made.secret is None else {**facts, "secret": made.secret})
    if made.secret is not None:
        note("The secret is shown this once: keep it now.")
    note(f"Next: maskservice hook test {tenant} {made.kind}")


@hook.command("list", epilog=examples("maskservice hook list 示範商店", "maskservice hook list 示範商店 --json"))
@click.argument("tenant")
@json_option
def list_(tenant: str, *, as_json: bool) -> None:
    """Show a tenant's hooks, never their secrets."""
    with opened() as ports:
        found = list_hooks(_tenant(tenant, ports), ports=ports)
    if as_json:
        print_json({"data": [_facts(each) for each in found]})
        return
    print_rows(
        ("kind", "url", "on_failure", "changed_at"),
        [(each.kind, each.url, each.on_failure or "–", when(each.changed_at)) for each in found],
        empty="This tenant has no hook. Next: maskservice hook set TENANT KIND URL",
    )


@hook.command(epilog=examples("maskservice hook remove 示範商店 out_of_session"))
@click.argument("tenant")
@click.argument("kind", type=_KINDS)
@json_option
def remove(tenant: str, *, kind: str, as_json: bool) -> None:
    """Remove a hook: from the next call on nothing is asked."""
    with opened() as ports:
        remove_hook(_tenant(tenant, ports), HookKind(kind), ports=ports)
    if as_json:
        print_json({"kind": kind, "removed": True})
    else:
        click.echo(f"The hook {kind} is removed.")


@hook.command(epilog=examples("maskservice hook test 示範商店 before_connect --json"))
@click.argument("tenant")
@click.argument("kind", type=_KINDS)
@json_option
def test(tenant: str, *, kind: str, as_json: bool) -> None:
    """Ask a hook with a sample, and tell how its answer reads. No call is touched."""
    with opened() as ports:
        trial = try_hook(_tenant(tenant, ports), HookKind(kind), ports=ports)
    facts = {
        "verdict": trial.reading.verdict,
        "failure": trial.reading.failure,
        "status": trial.reply.status,
        "duration_ms": round(trial.reply.seconds * 1000),
    }
    if as_json:
        print_json(facts)
        return
    print_facts("The hook was asked.", {name: "–" if value is None else value for name, value in facts.items()})


def _tenant(name: str, ports: Ports) -> Tenant:
    with ports.unit(write=False) as uow:
        return tenant_named(name, uow)


def _facts(each: HookView) -> dict[str, object]:
    return {
        "kind": each.kind,
        "url": each.url,
        "on_failure": each.on_failure,
        "changed_at": when(each.changed_at),
    }
