"""The commands `tradepost import` and `tradepost export`."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import msgspec

from tradepost.cli.database import cli_context, report_database_errors
from tradepost.settings import Settings

if TYPE_CHECKING:
    from tradepost.areas.catalog.formats import DecimalSeparator, Issue, ProductFile
    from tradepost.areas.catalog.service.exporter import ExportSummary
    from tradepost.areas.catalog.service.importer import ImportSummary

UNREADABLE_STATUS, SOME_REJECTED_STATUS = 2, 3


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--currency", help="Currency of the prices in the file. It must be SHOP_CURRENCY.")
@click.option(
    "--decimal",
    "decimal_separator",
    type=click.Choice([".", ","]),
    help="Decimal separator of numbers; needed if the file leaves it open whether `1.290` is more than a thousand.",
)
@click.option(
    "--set-stock",
    is_flag=True,
    help="Let stock quantities in the file replace the stock of variants that have stock already.",
)
@click.option("--dry-run", is_flag=True, help="Read the whole file and report what would happen, without changes.")
@click.option("--json", "as_json", is_flag=True, help="Print issues and summary as one JSON object.")
def import_products(
    file: Path,
    currency: str | None,
    decimal_separator: "DecimalSeparator | None",
    set_stock: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import products from FILE: a Shopify or WooCommerce export, Tradepost CSV or NDJSON.

    Importing a file again is safe: existing products are updated or left unchanged. A product
    that exists keeps whatever the file has no column for. A blank cell empties the value, but
    never replaces a SKU. Variants that are not in the file stay, and are reported. Stock quantities
    are received once, by variants that never had stock; later ones need --set-stock.

    The exit status is 0 if all products were imported, 3 if some were rejected, and 2 if the file
    could not be read.
    """
    from tradepost.areas.catalog.formats import UnreadableError, open_file
    from tradepost.kit.clock import now

    settings = Settings.read()
    check_currency_option(settings, currency)
    report = _JsonReport(file, dry_run) if as_json else _TextReport(file, dry_run)
    try:
        product_file = open_file(file, currency=settings.shop_currency, decimal_separator=decimal_separator, now=now())
    except (UnreadableError, OSError) as error:
        report.unreadable(str(error))
        sys.exit(UNREADABLE_STATUS)
    try:
        with report_database_errors(settings):
            summary = asyncio.run(_import(settings, product_file, dry_run, set_stock, report))
    finally:
        product_file.close()
    report.summary(product_file, summary)
    sys.exit(SOME_REJECTED_STATUS if summary.rejected else 0)


def check_currency_option(settings: Settings, currency: str | None) -> None:
    """Refuse any currency but that of the shop."""
    if currency and currency.upper() != settings.shop_currency:
        raise click.BadParameter(
            f"`{currency}` is not the currency of this shop, which is {settings.shop_currency} "
            f"(setting SHOP_CURRENCY). Convert the prices to {settings.shop_currency} first.",
            param_hint="--currency",
        )


@click.command("export")
@click.option(
    "--format",
    "format",
    type=click.Choice(["shopify", "woocommerce", "csv", "ndjson"]),
    default="ndjson",
    show_default=True,
    help="File format.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="File to write [standard output].",
)
@click.option("--currency", help="Currency of the prices. It must be SHOP_CURRENCY.")
def export_products(format: str, output: Path | None, currency: str | None) -> None:
    """Export all products to a file that the other shop, or `tradepost import`, can read."""
    settings = Settings.read()
    check_currency_option(settings, currency)
    with report_database_errors(settings), output.open("wb") if output else nullcontext(sys.stdout.buffer) as file:
        try:
            summary = asyncio.run(_export(settings, format, settings.shop_currency, file))
            file.flush()
        except BrokenPipeError:
            # The reader closed the pipe (`| head`). Without this, Python prints a second error
            # when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
    click.echo(f"{summary.products} products, {summary.variants} variants.", err=True)


async def _import(
    settings: Settings,
    product_file: "ProductFile",
    dry_run: bool,
    set_stock: bool,
    report: "_TextReport | _JsonReport",
) -> "ImportSummary":
    """Run the import as the system caller."""
    from tradepost.areas.catalog.service.importer import Importer

    # Loaded modules stay, and the objects of a batch are freed with it.
    gc.freeze()
    async with cli_context(settings) as context:
        with report.progress_bar(product_file.product_count) as on_progress:
            importer = Importer(
                context, dry_run=dry_run, on_issue=report.issue, on_progress=on_progress, set_stock=set_stock
            )
            return await importer.run(product_file)


async def _export(settings: Settings, format: str, currency: str, file: IO[bytes]) -> "ExportSummary":
    """Run the export as the system caller."""
    from rich.console import Console

    from tradepost.areas.catalog.service.exporter import Exporter

    async with cli_context(settings) as context:
        exporter = Exporter(context)
        with _ProgressBar("Export", Console(stderr=True), await exporter.count_products()) as on_progress:
            return await exporter.write(format, file, currency=currency, on_progress=on_progress)


class _TextReport:
    """Prints issues as lines to standard error, and the summary to standard output."""

    def __init__(self, file: Path, dry_run: bool) -> None:
        from rich.console import Console

        self.file, self.dry_run = file, dry_run
        self.console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)

    def progress_bar(self, product_count: int) -> "_ProgressBar":
        """Return a progress bar over the products."""
        return _ProgressBar("Import", self.console, product_count)

    def issue(self, issue: "Issue") -> None:
        """Print an issue as one line."""
        self.console.print(issue.text(self.file.name))

    def unreadable(self, reason: str) -> None:
        """Print why the file cannot be read."""
        self.console.print(f"{self.file.name} cannot be read: {reason}")

    def summary(self, file: "ProductFile", summary: "ImportSummary") -> None:
        """Print the counts of the import."""
        click.echo(f"{self.file.name}: {file.format_title} ({file.description})")
        would_be = "would be " if self.dry_run else ""
        counts = ", ".join([f"{getattr(summary, outcome)} {would_be}{outcome}" for outcome in PRODUCT_OUTCOMES])
        click.echo(f"Products: {counts}; {summary.variants} variants.")
        if summary.generated_skus:
            click.echo(f"SKUs generated from product and options, for variants without one: {summary.generated_skus}.")
        if summary.repaired:
            click.echo(f"Issues repaired, each reported above: {summary.repaired}.")
        if self.dry_run:
            click.echo("Nothing was changed (--dry-run).")
        elif not (summary.created or summary.updated):
            click.echo("Nothing changed." if summary.rejected else "Nothing changed: all products are up to date.")


PRODUCT_OUTCOMES = ("created", "updated", "unchanged", "rejected")


class _JsonReport:
    """Prints one JSON object to standard output as the import proceeds: `issues`, then counts."""

    def __init__(self, file: Path, dry_run: bool) -> None:
        self.file, self.dry_run, self.issue_count = file, dry_run, 0

    def progress_bar(self, product_count: int) -> "_ProgressBar":
        """Return a progress bar that shows nothing."""
        return _ProgressBar("Import", None, product_count)

    def issue(self, issue: "Issue") -> None:
        """Print one element of `issues`."""
        members = {
            "line": issue.line,
            "column": issue.column,
            "value": issue.value,
            "advice": issue.advice,
            "repaired": issue.repaired,
        }
        start = ",\n" if self.issue_count else '{"issues":[\n'
        click.echo(start + msgspec.json.encode(members).decode(), nl=False)
        self.issue_count += 1

    def unreadable(self, reason: str) -> None:
        """Print why the file cannot be read."""
        click.echo(msgspec.json.encode({"file": self.file.name, "error": reason}))

    def summary(self, file: "ProductFile", summary: "ImportSummary") -> None:
        """Print the rest of the object."""
        members = {
            "file": self.file.name,
            "format": file.format_title,
            "description": file.description,
            "dry_run": self.dry_run,
            **msgspec.to_builtins(summary),
        }
        start = "\n]," if self.issue_count else '{"issues":[],'
        click.echo(start + msgspec.json.encode(members).decode()[1:])


class _ProgressBar:
    """A progress bar on a terminal; without a console or terminal it shows nothing.

    Entering it returns a function that takes the number of products done.
    """

    def __init__(self, title: str, console: Any, product_count: int) -> None:
        self.title, self.console, self.product_count, self.stack = title, console, product_count, ExitStack()

    def __enter__(self) -> Callable[[int], None]:
        if self.console is None or not self.console.is_terminal:
            return lambda _: None
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn(self.title), BarColumn(), MofNCompleteColumn(), TextColumn("products"), TimeElapsedColumn()
        progress = self.stack.enter_context(Progress(*columns, console=self.console))
        task = progress.add_task("products", total=self.product_count)
        return lambda done: progress.update(task, completed=done)

    def __exit__(self, *_: object) -> None:
        self.stack.close()
