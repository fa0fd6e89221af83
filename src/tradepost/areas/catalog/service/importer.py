"""Moving in: the products of a file, a hundred at a time, through the same batch operation that the doors use."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import batched
from typing import Any

import msgspec
from jsonpointer import JsonPointerException, resolve_pointer
from sqlalchemy import Text, bindparam, select

from tradepost.kit.db.column_types import Id
from tradepost.kit.problems import AlreadyExists, Problem
from tradepost.kit.resource.selection import Field, FieldSet, Selection
from tradepost.kit.schema.validation import validate
from tradepost.kit.writes.call_context import CallContext

from ..formats import Issue, ParsedProduct, ProductFile
from ..models import CategoryRow, MediaRow, ProductCategoryRow, ProductRow, ProductTagRow, TagRow, VariantRow
from ..schemas import BatchVerb, Category, CategoryInput, Product, ProductBatch, ProductBatchItem
from .categories import Categories
from .imports import ProductImports

AT_ONCE = 100
# After so many products PostgreSQL looks at the tables again.
LOOKED_AT = frozenset([AT_ONCE * 4**n for n in range(1, 12)])
ID: tuple[Field, ...] = (Field("id"),)
# The children of a category, or the roots, by their name; the first of several.
BY_NAME = (
    select(CategoryRow.id)
    .where(
        CategoryRow.name == bindparam("name", None, type_=Text),
        CategoryRow.parent_id.is_not_distinct_from(bindparam("parent", None, type_=Id)),
    )
    .order_by(CategoryRow.position, CategoryRow.id)
    .limit(1)
)


class Summary(msgspec.Struct):
    """What became of the products of a file; in a dry run, what would have."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    variants: int = 0
    categories_created: int = 0
    generated_skus: int = 0
    repaired: int = 0


class Importer:
    """One import. `tell` hears every finding as it is made, `progress` how many products are done. A dry run undoes each batch, so it tells the truth."""

    def __init__(
        self,
        context: CallContext,
        *,
        dry_run: bool,
        on_issue: Callable[[Issue], None],
        on_progress: Callable[[int], None],
    ) -> None:
        self.context, self.dry_run, self.on_issue, self.on_progress = context, dry_run, on_issue, on_progress
        self.summary = Summary()
        self.category_ids: dict[tuple[str | None, str], str] = {}

    async def run(self, opened: ProductFile) -> Summary:
        """Brings in all products that can be, and tells of the others."""
        for finding in opened.issues:
            self._tell(finding)
            self.summary.refused += not finding.repaired
        done = 0
        async for drafts in _ahead(batched(opened.products(), AT_ONCE)):
            async with self._trial():
                await self._load(self._good(drafts))
            done += len(drafts)
            self.on_progress(done)
            if not self.dry_run and done in LOOKED_AT:
                await self.context.database.analyze(
                    ProductRow, VariantRow, MediaRow, ProductCategoryRow, ProductTagRow, TagRow
                )
        self.summary.generated_skus = opened.generated_skus
        return self.summary

    def _good(self, drafts: Sequence[ParsedProduct]) -> list[ParsedProduct]:
        """The drafts that the reader did not refuse."""
        for draft in drafts:
            for finding in draft.issues:
                self._tell(finding)
            self.summary.refused += draft.other_rejected + (draft.product is None)
        return [d for d in drafts if d.product is not None]

    def _tell(self, finding: Issue) -> None:
        self.summary.repaired += finding.repaired
        self.on_issue(finding)

    @asynccontextmanager
    async def _trial(self) -> AsyncGenerator[None]:
        """In a dry run one transaction around all, which is undone; else nothing: each operation has its own."""
        if not self.dry_run:
            yield
            return
        async with self.context.database.session_factory() as session:
            self.context.work.session = session
            try:
                yield
            finally:
                self.context.work.session = None
                self.category_ids.clear()
                await session.rollback()

    async def _load(self, drafts: Sequence[ParsedProduct]) -> None:
        """One batch."""
        sent: list[ParsedProduct] = []
        items: list[ProductBatchItem] = []
        for draft in drafts:
            try:
                items.append(ProductBatchItem(op=BatchVerb.UPSERT, input=await self._placed(draft.product or {})))
                sent.append(draft)
            except Problem as problem:
                await self._refused(draft, problem)
        want: Selection[Product] = Selection(FieldSet(ID))
        outcomes = (await ProductImports(self.context).batch(ProductBatch(items), False, want)).items if items else []
        for draft, outcome in zip(sent, outcomes, strict=True):
            if outcome.problem is not None:
                await self._refused(draft, outcome.problem)
            else:
                self._count(draft, outcome.status, outcome.changed)

    def _count(self, draft: ParsedProduct, status: int, changed: bool) -> None:
        self.summary.variants += len((draft.product or {}).get("variants", ()))
        if status == 201:
            self.summary.created += 1
        elif changed:
            self.summary.updated += 1
        else:
            self.summary.unchanged += 1

    async def _placed(self, product: dict[str, Any]) -> dict[str, Any]:
        """The product with ids of categories in place of their paths; what is missing of a path is made."""
        if (paths := product.get("categories")) is None:
            return product
        main = await self._category(paths[0]) if paths and paths[0] else None
        ids = [await self._category(path) for path in paths if path]
        rest = {name: value for name, value in product.items() if name != "categories"}
        return rest | {"category_id": main, "category_ids": ids}

    async def _category(self, path: Sequence[str]) -> str:
        """The category at the end of a path of names."""
        parent: str | None = None
        for name in path:
            if (parent, name) not in self.category_ids:
                self.category_ids[parent, name] = await self._known_or_new(parent, name)
            parent = self.category_ids[parent, name]
        assert parent is not None, "a path has at least one name"
        return parent

    async def _known_or_new(self, parent: str | None, name: str) -> str:
        input = validate(CategoryInput, {"name": name, "parent_id": parent})
        found = await self.context.database.fetch_first(BY_NAME, {"name": input.name, "parent": parent})
        if found is not None:
            return str(found[0])
        want: Selection[Category] = Selection(FieldSet(ID))
        self.summary.categories_created += 1
        return (await Categories(self.context).create(input, want)).id

    async def _refused(self, draft: ParsedProduct, problem: Problem) -> None:
        """Tells why the shop did not take a product, in the words of the file."""
        self.summary.refused += 1
        if isinstance(problem, AlreadyExists) and problem.members.get("field") == "sku":
            self.on_issue(await self._clash(draft))
            return
        faults = [(e.pointer or "", e.detail) for e in problem.errors] or [
            (f"/{problem.members.get('field', '')}", problem.detail)
        ]
        for pointer, detail in faults:
            pointer = pointer.removeprefix("/input")
            line, column = draft.locate(pointer)
            self.on_issue(
                Issue(
                    line=line,
                    column=column,
                    value=_at(draft.product, pointer),
                    message=f"{detail} The product is left out.",
                )
            )

    async def _clash(self, draft: ParsedProduct) -> Issue:
        """Which SKU another product of the shop has."""
        skus: list[str] = [v["sku"] for v in (draft.product or {})["variants"]]
        query = select(VariantRow.sku, ProductRow.slug, ProductRow.external_reference).join(
            ProductRow, ProductRow.id == VariantRow.product_id
        )
        async with self.context.database.session_factory() as session:
            found = (await session.execute(query.where(VariantRow.sku.in_(skus)))).all()
        others = [row for row in found if row.external_reference != (draft.product or {}).get("external_reference")]
        at = skus.index(others[0].sku) if others else 0
        line, column = draft.locate(f"/variants/{at}/sku")
        whose = f"the product `{others[0].slug}` of the shop" if others else "another product"
        return Issue(
            line=line,
            column=column,
            value=skus[at],
            message=f"{whose} has this SKU; change one of them. The product is left out.",
        )


async def _ahead[T](items: Iterator[T]) -> AsyncGenerator[T]:
    """Items, the next of which is read in a thread while the database is at work on the one before."""
    following = asyncio.create_task(asyncio.to_thread(next, items, None))
    try:
        while (item := await following) is not None:
            following = asyncio.create_task(asyncio.to_thread(next, items, None))
            yield item
    finally:
        # A reader at work would lose its spool under its hands.
        await asyncio.gather(following, return_exceptions=True)


def _at(product: Any, pointer: str) -> str:
    """What stands at a pointer, as text."""
    try:
        found = resolve_pointer(product, pointer, "")
    except JsonPointerException:
        return ""
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()
