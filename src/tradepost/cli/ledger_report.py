"""`tradepost reconcile`: compares the ledgers of payment providers with the shop's payments."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import click
import msgspec

from tradepost.cli.database import cli_context, report_database_errors
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.areas.payments.service import LedgerDifference

HEADINGS = ("PROVIDER", "PAYMENT", "REFERENCE", "DIFFERS", "AT THE PROVIDER", "IN THE SHOP")


@click.command("reconcile")
@click.option("--report", is_flag=True, required=True, help="Print the differences; nothing is changed.")
@click.option(
    "--days", type=click.IntRange(1, 365), default=7, show_default=True, help="Compare payments of so many days."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def reconcile(ctx: click.Context, report: bool, days: int, as_json: bool) -> None:
    """Compare what the payment providers have with the payments of the shop.

    Amounts are in minor units. The exit status is 1 if there are differences, 2 if a provider
    cannot be read. A payment that is being made at this moment can differ: run it again.
    """
    with report_database_errors(settings := Settings.read()):
        differences = asyncio.run(_compare(settings, days))
    if as_json:
        click.echo(msgspec.json.encode({"days": days, "differences": differences}))
    elif differences:
        click.echo(_table(differences))
    else:
        click.echo(f"No differences: the payments of the last {days} days are the same at the providers and here.")
    ctx.exit(1 if differences else 0)


async def _compare(settings: Settings, days: int) -> "list[LedgerDifference]":
    from tradepost.areas.payments.providers.provider import ProviderRefused, ProviderUnavailable
    from tradepost.areas.payments.service import compare_ledgers

    async with cli_context(settings) as context:
        try:
            return await compare_ledgers(context, context.clock() - timedelta(days=days))
        except (ProviderUnavailable, ProviderRefused) as error:
            raise click.UsageError(f"A payment provider cannot be read: {error or type(error).__name__}") from error


def _table(differences: "list[LedgerDifference]") -> str:
    """Return the differences as lines of columns."""
    rows = [HEADINGS, *([str(cell(value)) for value in msgspec.structs.astuple(one)] for one in differences)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join([text.ljust(width) for text, width in zip(row, widths, strict=True)]) for row in rows]
    return "\n".join([line.rstrip() for line in lines])


def cell(value: str | int | None) -> str | int:
    """Return a value as it is printed."""
    return "-" if value is None else value
