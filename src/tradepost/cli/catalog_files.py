"""Moving in and out by the shell: `tradepost import` and `tradepost export`."""

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
    from tradepost.areas.catalog.service.importer import Summary

UNREADABLE, SOME_REFUSED = 2, 3


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--currency", help="Currency of the prices, where the file names none [SHOP_CURRENCY].")
@click.option(
    "--decimal", "sign", type=click.Choice([".", ","]), help="The decimal sign, where the prices leave it open."
)
@click.option("--dry-run", is_flag=True, help="Read everything, change nothing, say what would happen.")
@click.option("--json", "as_json", is_flag=True, help="Print findings and summary as one JSON object.")
def import_products(
    file: Path, currency: str | None, sign: "DecimalSeparator | None", dry_run: bool, as_json: bool
) -> None:
    """Brings in the products of FILE: Shopify's or WooCommerce's export, or our own CSV or NDJSON.

    Again is safe: what is there already is changed or left alone. Exit status 0 when all products went in, 3 when some were refused, 2 when the
    file could not be read.
    """
    from tradepost.areas.catalog.formats import UnreadableError, open_file
    from tradepost.kit.clock import now

    settings = Settings.read()
    money = _currency(currency or settings.shop_currency)
    report = _JsonReport(file, dry_run) if as_json else _TextReport(file, dry_run)
    try:
        opened = open_file(file, currency=money, decimal_separator=sign, now=now())
    except (UnreadableError, OSError) as fault:
        report.unreadable(str(fault))
        sys.exit(UNREADABLE)
    try:
        with report_database_errors(settings):
            summary = asyncio.run(_load(settings, opened, dry_run, report))
    finally:
        opened.close()
    report.end(opened, summary)
    sys.exit(SOME_REFUSED if summary.refused else 0)


def _currency(code: str) -> str:
    from tradepost.kit.schema.money import currencies

    if code.upper() not in currencies():
        raise click.BadParameter(f"`{code}` is not a currency of ISO 4217, such as EUR.", param_hint="--currency")
    return code.upper()


@click.command("export")
@click.option(
    "--format",
    "name",
    type=click.Choice(["shopify", "woocommerce", "csv", "ndjson"]),
    default="ndjson",
    show_default=True,
    help="Whose file.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where to write it [standard output].",
)
@click.option("--currency", help="Currency of the prices in a file that names none [SHOP_CURRENCY].")
def export_products(name: str, output: Path | None, currency: str | None) -> None:
    """Writes all products into a file that the other shop, or `tradepost import`, can read again."""
    settings = Settings.read()
    money = _currency(currency or settings.shop_currency)
    with report_database_errors(settings), output.open("wb") if output else nullcontext(sys.stdout.buffer) as file:
        try:
            done = asyncio.run(_write(settings, name, money, file))
            file.flush()
        except BrokenPipeError:
            # Whoever reads had enough (`| head`). Python would complain once more when it closes the stream.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
    click.echo(f"{done.products} products, {done.variants} variants.", err=True)


async def _load(
    settings: Settings, opened: "ProductFile", dry_run: bool, report: "_TextReport | _JsonReport"
) -> "Summary":
    """The import, by the shell's caller."""
    from tradepost.areas.catalog.service.importer import Importer

    # What is loaded stays, and what a batch makes goes with it: looking for cycles so often costs a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    async with cli_context(settings) as context:
        with report.progress(opened.product_count) as progress:
            return await Importer(context, dry_run=dry_run, on_issue=report.tell, on_progress=progress).run(opened)


async def _write(settings: Settings, name: str, currency: str, file: IO[bytes]) -> "ExportSummary":
    """The export, by the shell's caller."""
    from rich.console import Console

    from tradepost.areas.catalog.service.exporter import Exporter

    async with cli_context(settings) as context:
        exporter = Exporter(context)
        with _Bar("Export", Console(stderr=True), await exporter.count_products()) as progress:
            return await exporter.write(name, file, currency=currency, on_progress=progress)


class _TextReport:
    """Findings as lines on standard error, the summary on standard output."""

    def __init__(self, file: Path, dry_run: bool) -> None:
        from rich.console import Console

        self.file, self.dry_run = file, dry_run
        self.console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)

    def progress(self, size: int) -> "_Bar":
        """A bar over the products."""
        return _Bar("Import", self.console, size)

    def tell(self, finding: "Issue") -> None:
        """One line."""
        self.console.print(finding.text(self.file.name))

    def unreadable(self, said: str) -> None:
        """Why nothing was read."""
        self.console.print(f"{self.file.name} cannot be read: {said}")

    def end(self, opened: "ProductFile", summary: "Summary") -> None:
        """What became of it all."""
        click.echo(f"{self.file.name}: {opened.format_title} ({opened.description})")
        would = "would be " if self.dry_run else ""
        counts = ", ".join([f"{getattr(summary, kind)} {would}{word}" for kind, word in KINDS.items()])
        click.echo(f"Products: {counts}; {summary.variants} variants.")
        if summary.generated_skus:
            click.echo(
                f"Variants without a SKU that were given one, made from product and options: {summary.generated_skus}."
            )
        if summary.repaired:
            click.echo(f"Faults that were mended, each told above: {summary.repaired}.")
        if self.dry_run:
            click.echo("Nothing was changed (--dry-run).")
        elif not (summary.created or summary.updated):
            click.echo(
                "Nothing changed: the shop has all of it already." if not summary.refused else "Nothing changed."
            )


KINDS = {"created": "created", "updated": "updated", "unchanged": "left alone", "refused": "refused"}


class _JsonReport:
    """One JSON object on standard output, written as it comes: `findings`, then the summary."""

    def __init__(self, file: Path, dry_run: bool) -> None:
        self.file, self.dry_run, self.told = file, dry_run, 0

    def progress(self, size: int) -> "_Bar":
        """No bar: scripts read this."""
        return _Bar("Import", None, size)

    def tell(self, finding: "Issue") -> None:
        """One element of `findings`."""
        click.echo(('{"findings":[\n' if not self.told else ",\n") + msgspec.json.encode(finding).decode(), nl=False)
        self.told += 1

    def unreadable(self, said: str) -> None:
        """Why nothing was read."""
        click.echo(msgspec.json.encode({"file": self.file.name, "error": said}))

    def end(self, opened: "ProductFile", summary: "Summary") -> None:
        """The rest of the object."""
        rest = {
            "file": self.file.name,
            "format": opened.format_title,
            "read_as": opened.description,
            "dry_run": self.dry_run,
            **msgspec.structs.asdict(summary),
        }
        click.echo(("\n]," if self.told else '{"findings":[],') + msgspec.json.encode(rest).decode()[1:])


class _Bar:
    """A progress bar; none where there is no console."""

    def __init__(self, title: str, console: Any, size: int) -> None:
        self.title, self.console, self.size, self.stack = title, console, size, ExitStack()

    def __enter__(self) -> Callable[[int], None]:
        if self.console is None or not self.console.is_terminal:
            return lambda _: None
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn(self.title), BarColumn(), MofNCompleteColumn(), TextColumn("products"), TimeElapsedColumn()
        bar = self.stack.enter_context(Progress(*columns, console=self.console))
        task = bar.add_task("products", total=self.size)
        return lambda done: bar.update(task, completed=done)

    def __exit__(self, *_: object) -> None:
        self.stack.close()
