"""`ds2kit plugins`: what is installed, and what is broken."""

from __future__ import annotations

import json
from typing import Any

import click

from ds2kit.errors import UserError
from ds2kit.options import REQUIRED, expected
from ds2kit.registry import Registered, Toolkit, clash


@click.command(name="plugins")
@click.option("--json", "as_json", is_flag=True, help="An object a line.")
@click.option("--check", is_flag=True, help="Import each component and list its options.")
@click.pass_obj
def command(toolkit: Toolkit, as_json: bool, check: bool) -> None:
    """List the components of all installed distributions, and the plugins that failed."""
    rows = [_row(toolkit, offer, check) for offer in toolkit.components]
    broken = [
        {"kind": "plugin", "name": b.plugin, "distribution": b.distribution, "version": b.version}
        | {"broken": b.reason}
        for b in toolkit.broken
    ]
    for row in [*rows, *broken]:
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else _line(row))
    bad = sum("broken" in row for row in rows)
    if check and (bad or broken):
        raise UserError(f"{bad} components and {len(broken)} plugins are broken; see above")


def _row(toolkit: Toolkit, offer: Registered, check: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": offer.kind,
        "name": offer.name,
        "path": offer.path,
        "distribution": offer.distribution,
        "version": offer.version,
    }
    same = [o for o in toolkit.components if (o.kind, o.name) == (offer.kind, offer.name)]
    if len(same) > 1:
        row["broken"] = clash(f"{offer.kind} '{offer.name}'", same)
    elif check:
        try:
            row["options"] = {
                option.name: {"type": expected(option.annotation)}
                | ({} if option.default is REQUIRED else {"default": _plain(option.default)})
                for option in toolkit.options(offer.kind, offer.name).values()
            }
        except UserError as error:
            row["broken"] = str(error)
    return row


def _line(row: dict[str, Any]) -> str:
    maker = f"{row['distribution']} {row['version']}"
    line = f"{row['kind']:<23}{row['name']:<18}{maker:<28}{row.get('path', '')}".rstrip()
    for name, option in row.get("options", {}).items():
        default = f" = {option['default']}" if "default" in option else ", required"
        line += f"\n    {name}{default} ({option['type']})"
    return f"{line}\n    broken: {row['broken']}" if "broken" in row else line


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | list | None) else str(value)
