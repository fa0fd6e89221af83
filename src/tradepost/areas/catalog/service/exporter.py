"""Exports all products that the caller may see to a product file, reading them page by page."""

from collections.abc import AsyncIterator, Callable
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, MAX_PAGE_SIZE, ListQuery
from tradepost.kit.resource.resource import Resource
from tradepost.kit.resource.selection import Field, FieldSet, Selection, SelectionBuilder
from tradepost.kit.writes.call_context import CallContext

from ..formats.records import MAX_URL_LENGTH
from ..formats.row_reader import URL_PATTERN, JsonObject
from ..formats.writing import create_writer
from ..resource import media, products, variants
from ..schemas import Category, Product
from .categories import Categories
from .products import Products

PRODUCT_MEMBERS = ("name", "slug", "external_reference", "status", "description", "attributes", "tags", "source")
VARIANT_MEMBERS = (
    "sku", "name", "price", "options", "compare_at_price", "weight_grams", "barcode", "attributes", "tax_class",
    "track_inventory", "allow_backorder", "low_stock_threshold", "requires_shipping", "withdrawal_excluded",
    "position", "external_reference", "source", "imported_quantity",
)  # fmt: skip
MEDIA_MEMBERS = ("source_url", "alt")
OLDEST_FIRST = ("created_at",)


class ExportSummary(msgspec.Struct):
    """Counts of an export."""

    products: int = 0
    variants: int = 0


class Exporter:
    """Exports the catalog, with one page of products and all category names in memory."""

    def __init__(self, context: CallContext) -> None:
        self.context = context

    async def count_products(self) -> int:
        """Return the number of products to export."""
        page = await Products(self.context).list(ListQuery(first=1, total=True), Selection(FieldSet((Field("id"),))))
        return page.total or 0

    async def records(self) -> AsyncIterator[JsonObject]:
        """Yield every product as a `ProductRecord` in builtins, oldest first.

        Members that the caller may not read are left out.
        """
        paths, after = await self._category_paths(), None
        fields = (
            *self._fields(products, PRODUCT_MEMBERS),
            Field("category_id"),
            Field("brand", None, (Field("name"),)),
            Field("categories", None, (Field("id"),)),
            Field("variants", None, self._fields(variants, VARIANT_MEMBERS)),
            Field("media", None, self._fields(media, MEDIA_MEMBERS)),
        )
        selection: Selection[Product] = Selection(
            FieldSet(fields), (DEFAULT_LIST_QUERY, DEFAULT_LIST_QUERY, DEFAULT_LIST_QUERY)
        )
        while True:
            query = ListQuery(first=MAX_PAGE_SIZE, after=after, sort=OLDEST_FIRST)
            page = await Products(self.context).list(query, selection)
            for row in _to_builtins(page.body):
                yield _record(row, paths)
            if (after := page.next_cursor) is None:
                return

    async def write(
        self, format: str, file: IO[bytes], *, currency: str, on_progress: Callable[[int], None]
    ) -> ExportSummary:
        """Write all products to a file.

        `currency` applies to formats without a currency column. The records are first saved to a
        temporary file, because a format's header may depend on all of them.
        """
        summary, writer = ExportSummary(), create_writer(format, currency=currency, now=self.context.clock())
        try:
            with TemporaryFile(prefix="tradepost-export-") as records:
                async for record in self.records():
                    writer.scan(record)
                    records.write(msgspec.json.encode(record) + b"\n")
                records.seek(0)
                file.write(writer.header())
                for line in records:
                    record = msgspec.json.decode(line)
                    file.write(writer.encode_product(record))
                    summary.products += 1
                    summary.variants += len(record["variants"])
                    on_progress(summary.products)
        finally:
            writer.close()
        return summary

    def _fields(self, resource: Resource[Any], names: tuple[str, ...]) -> tuple[Field, ...]:
        """Return the members that the caller may read, each with all its subfields."""
        permissions = self.context.caller.permissions
        builder = SelectionBuilder(resource)
        for name in names:
            if resource.is_readable(name, permissions):
                _, nested = builder.add(name)
                if nested is not None:
                    nested.add_default(permissions)
        return builder.build()[0]

    async def _category_paths(self) -> dict[str, list[str]]:
        """Return the names from the root to each category, by its id."""
        names, parents, after = dict[str, str](), dict[str, str | None](), None
        selection: Selection[Category] = Selection(FieldSet((Field("id"), Field("name"), Field("parent_id"))))
        while True:
            query = ListQuery(first=MAX_PAGE_SIZE, after=after, sort=OLDEST_FIRST)
            page = await Categories(self.context).list(query, selection)
            for row in _to_builtins(page.body):
                names[row["id"]], parents[row["id"]] = row["name"], row["parent_id"]
            if (after := page.next_cursor) is None:
                break
        return {id: _path(id, names, parents) for id in names}


def _path(id: str | None, names: dict[str, str], parents: dict[str, str | None]) -> list[str]:
    path: list[str] = []
    # A parent created or deleted during the export is not in `names`.
    while id in names:
        path.insert(0, names[id])
        id = parents[id]
    return path


def _to_builtins(body: Any) -> list[JsonObject]:
    """Convert records to builtins."""
    return msgspec.json.decode(msgspec.json.encode(body))


def _record(row: JsonObject, paths: dict[str, list[str]]) -> JsonObject:
    """Return the record of a row: names in place of relations, only images with a public URL.

    The main category is the first.
    """
    main_id, brand = row.pop("category_id"), row["brand"]
    ids = sorted([c["id"] for c in row.pop("categories")], key=lambda id: id != main_id)
    images = [
        image
        for image in row["media"]
        if URL_PATTERN.fullmatch(image["source_url"] or "") and len(image["source_url"]) <= MAX_URL_LENGTH
    ]
    categories = [paths[id] for id in ids if id in paths]
    if categories and main_id not in paths:
        # An empty path in first place means that the product has no main category.
        categories.insert(0, [])
    return row | {"brand": brand and brand["name"], "categories": categories, "media": images}
