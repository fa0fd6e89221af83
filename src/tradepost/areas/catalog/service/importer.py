"""Imports a product file in batches of 100, through the same batch operation as the APIs."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import batched
from typing import Any

import msgspec
from jsonpointer import JsonPointerException, resolve_pointer
from sqlalchemy import select

from tradepost.kit.problems import AlreadyExists, Problem, Unavailable
from tradepost.kit.resource.selection import FieldSet, Selection
from tradepost.kit.writes.call_context import CallContext

from ..formats import Issue, ParsedProduct, ProductFile
from ..models import MediaRow, ProductCategoryRow, ProductRow, ProductTagRow, TagRow, VariantRow
from ..schemas import BatchVerb, Product, ProductBatch
from .imports import ImportItem, ProductImports
from .name_resolver import ID_FIELD, NameResolver

BATCH_SIZE = 100
# Table statistics are refreshed after 400, 1,600, 6,400, ... products.
ANALYZE_AFTER = frozenset([BATCH_SIZE * 4**n for n in range(1, 12)])


class ImportSummary(msgspec.Struct):
    """Counts of an import, or of what a dry run would have done."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    variants: int = 0
    categories_created: int = 0
    brands_created: int = 0
    generated_skus: int = 0
    repaired: int = 0


class Importer:
    """Imports one product file.

    `on_issue` is called with every issue as it is found, `on_progress` with the number of products
    done so far. A dry run executes each batch and rolls it back. With `set_stock`, quantities in
    the file replace the stock of variants that have stock already.
    """

    def __init__(
        self,
        context: CallContext,
        *,
        dry_run: bool,
        on_issue: Callable[[Issue], None],
        on_progress: Callable[[int], None],
        set_stock: bool = False,
    ) -> None:
        self.context, self.dry_run, self.on_issue, self.on_progress = context, dry_run, on_issue, on_progress
        self.set_stock = set_stock
        self.summary = ImportSummary()
        self.names = NameResolver(context)

    async def run(self, file: ProductFile) -> ImportSummary:
        """Import all valid products and report the issues of the others."""
        for issue in file.issues:
            self._report(issue)
            self.summary.rejected += not issue.repaired
        done = 0
        async for batch in _prefetch(batched(file.products(), BATCH_SIZE)):
            async with self._rollback_if_dry_run():
                await self._import_batch(self._accepted(batch))
            done += len(batch)
            self.on_progress(done)
            if not self.dry_run and done in ANALYZE_AFTER:
                await self.context.database.analyze(
                    ProductRow, VariantRow, MediaRow, ProductCategoryRow, ProductTagRow, TagRow
                )
        self.summary.generated_skus = file.generated_skus
        self.summary.categories_created = len(self.names.created_categories)
        self.summary.brands_created = len(self.names.created_brands)
        return self.summary

    def _accepted(self, batch: Sequence[ParsedProduct]) -> list[ParsedProduct]:
        """Return the products that the reader did not reject; report all issues."""
        for parsed in batch:
            for issue in parsed.issues:
                self._report(issue)
            self.summary.rejected += parsed.other_rejected + (parsed.product is None)
        return [parsed for parsed in batch if parsed.product is not None]

    def _report(self, issue: Issue) -> None:
        self.summary.repaired += issue.repaired
        self.on_issue(issue)

    @asynccontextmanager
    async def _rollback_if_dry_run(self) -> AsyncGenerator[None]:
        """In a dry run, run the block in one transaction and roll it back.

        Otherwise do nothing: each operation has its own transaction.
        """
        if not self.dry_run:
            yield
            return
        async with self.context.database.session_factory() as session:
            self.context.work.session = session
            try:
                yield
            finally:
                self.context.work.session = None
                self.names.forget_ids()
                await session.rollback()

    async def _import_batch(self, batch: Sequence[ParsedProduct]) -> None:
        """Upsert one batch of products."""
        sent: list[ParsedProduct] = []
        items: list[ImportItem] = []
        await self.names.load_brands([parsed.product or {} for parsed in batch])
        for parsed in batch:
            try:
                product = await self.names.with_ids(parsed.product or {})
                items.append(ImportItem(op=BatchVerb.UPSERT, input=product, scope=parsed.scope))
                sent.append(parsed)
            except Unavailable:
                raise  # not a fault of the file
            except Problem as problem:
                await self._reject(parsed, problem)
        if not items:
            return
        selection: Selection[Product] = Selection(FieldSet(ID_FIELD))
        imports = ProductImports(self.context, set_stock=self.set_stock)
        result = await imports.batch(ProductBatch([*items]), False, selection)
        for parsed, outcome in zip(sent, result.items, strict=True):
            if outcome.problem is not None:
                await self._reject(parsed, outcome.problem)
            else:
                self._count(parsed, outcome.status, outcome.changed)
                if outcome.record is not None:
                    self._report_other_variants(parsed, imports.other_variants[outcome.record.id])

    def _count(self, parsed: ParsedProduct, status: int, changed: bool) -> None:
        self.summary.variants += len((parsed.product or {}).get("variants", ()))
        if status == 201:
            self.summary.created += 1
        elif changed:
            self.summary.updated += 1
        else:
            self.summary.unchanged += 1

    def _report_other_variants(self, parsed: ParsedProduct, skus: Sequence[str]) -> None:
        """Report the variants of a product that are not in the file. They stay as they are."""
        if skus:
            line, column = parsed.locate("/variants/0/sku")
            message = f"The product has {len(skus)} variants that are not in this file; they were left unchanged."
            fix = "Delete those that you no longer sell."
            self._report(
                Issue(line=line, column=column, value=", ".join(skus), message=message, fix=fix, severity="warning")
            )

    async def _reject(self, parsed: ParsedProduct, problem: Problem) -> None:
        """Report why the batch operation rejected a product, by line and column of the file."""
        self.summary.rejected += 1
        if isinstance(problem, AlreadyExists) and problem.members.get("field") == "sku":
            self.on_issue(await self._sku_conflict(parsed))
            return
        faults = [(e.pointer or "", e.detail) for e in problem.errors] or [
            (f"/{problem.members.get('field', '')}", problem.detail)
        ]
        for pointer, detail in faults:
            pointer = pointer.removeprefix("/input")
            line, column = parsed.locate(pointer)
            self.on_issue(
                Issue(
                    line=line,
                    column=column,
                    value=_value_at(parsed.product, pointer),
                    message=f"{detail} The product was rejected.",
                )
            )

    async def _sku_conflict(self, parsed: ParsedProduct) -> Issue:
        """Find the SKU that another product in the database already has."""
        product = parsed.product or {}
        skus: list[str] = [variant["sku"] for variant in product["variants"]]
        query = select(VariantRow.sku, ProductRow.slug, ProductRow.external_reference).join(
            ProductRow, ProductRow.id == VariantRow.product_id
        )
        async with self.context.open_session() as session:
            rows = (await session.execute(query.where(VariantRow.sku.in_(skus)))).all()
        others = [row for row in rows if row.external_reference != product.get("external_reference")]
        index = skus.index(others[0].sku) if others else 0
        line, column = parsed.locate(f"/variants/{index}/sku")
        owner = f"The product `{others[0].slug}`" if others else "Another product"
        return Issue(
            line=line,
            column=column,
            value=skus[index],
            message=f"{owner} already has this SKU. The product was rejected.",
            fix="Change one of the two SKUs.",
        )


async def _prefetch[T](items: Iterator[T]) -> AsyncGenerator[T]:
    """Yield the items, reading the next one in a thread while the current one is processed."""
    next_item = asyncio.create_task(asyncio.to_thread(next, items, None))
    try:
        while (item := await next_item) is not None:
            next_item = asyncio.create_task(asyncio.to_thread(next, items, None))
            yield item
    finally:
        # The caller closes the file next, so wait until the thread has stopped reading it.
        await asyncio.gather(next_item, return_exceptions=True)


def _value_at(product: Any, pointer: str) -> str:
    """Return the value at a JSON pointer as text."""
    try:
        value = resolve_pointer(product, pointer, "")
    except JsonPointerException:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
