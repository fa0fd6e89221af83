"""The export: the whole catalogue as its caller sees it, read page by page through the operations, written as a product file."""

from collections.abc import AsyncIterator, Callable
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from tradepost.kit.resource.list_query import DEFAULT_LIST_QUERY, MAX_PAGE_SIZE, ListQuery
from tradepost.kit.resource.resource import EmbeddedValue, Resource
from tradepost.kit.resource.selection import Field, FieldSet, Selection
from tradepost.kit.writes.call_context import CallContext

from ..formats.records import MAX_URL_LENGTH
from ..formats.row_reader import URL_PATTERN
from ..formats.writing import create_writer
from ..resource import media, products, variants
from ..schemas import Category, Product
from .categories import Categories
from .products import Products

PRODUCT = ("name", "slug", "external_reference", "status", "description", "attributes", "tags", "source")
VARIANT = (
    "sku", "name", "price", "options", "compare_at_price", "weight_grams", "barcode", "attributes", "tax_class", "track_inventory", "allow_backorder",
    "position", "external_reference", "source", "imported_quantity",
)  # fmt: skip
MEDIA = ("source_url", "alt")
OLDEST = ("created_at",)

type Plain = dict[str, Any]


class ExportSummary(msgspec.Struct):
    """What went into a file."""

    products: int = 0
    variants: int = 0


class Exporter:
    """One export. It holds a page of products at a time, and the names of all categories."""

    def __init__(self, context: CallContext) -> None:
        self.context = context

    async def count_products(self) -> int:
        """How many products there are to export."""
        page = await Products(self.context).list(ListQuery(first=1, total=True), Selection(FieldSet((Field("id"),))))
        return page.total or 0

    async def records(self) -> AsyncIterator[Plain]:
        """Every product as a `ProductRecord` in builtins, the oldest first. What the caller may not read is left out."""
        paths, after = await self._paths(), None
        fields = (*self._fields(products, PRODUCT), Field("category_id"), Field("categories", None, (Field("id"),)))
        parts = (
            Field("variants", None, self._fields(variants, VARIANT)),
            Field("media", None, self._fields(media, MEDIA)),
        )
        want: Selection[Product] = Selection(
            FieldSet((*fields, *parts)), (DEFAULT_LIST_QUERY, DEFAULT_LIST_QUERY, DEFAULT_LIST_QUERY)
        )
        while True:
            page = await Products(self.context).list(ListQuery(first=MAX_PAGE_SIZE, after=after, sort=OLDEST), want)
            for row in _plain(page.body):
                yield _record(row, paths)
            if (after := page.next_cursor) is None:
                return

    async def write(
        self, format: str, file: IO[bytes], *, currency: str, on_progress: Callable[[int], None]
    ) -> ExportSummary:
        """Writes all products in a format; `currency` is that of prices in a sheet that names none. All are read once before the first is written."""
        done, made = ExportSummary(), create_writer(format, currency=currency, now=self.context.clock())
        try:
            with TemporaryFile(prefix="tradepost-export-") as waiting:
                async for record in self.records():
                    made.scan(record)
                    waiting.write(msgspec.json.encode(record) + b"\n")
                waiting.seek(0)
                file.write(made.header())
                for line in waiting:
                    record = msgspec.json.decode(line)
                    file.write(made.encode_product(record))
                    done.products += 1
                    done.variants += len(record["variants"])
                    on_progress(done.products)
        finally:
            made.close()
        return done

    def _fields(self, of: Resource[Any], names: tuple[str, ...]) -> tuple[Field, ...]:
        """The readable ones of some members, each with all that stands in it."""
        readable = [n for n in names if of.is_readable(n, self.context.caller.permissions)]
        return tuple(
            [
                Field(
                    n, None, tuple(map(Field, own.members)) if isinstance(own := of.members[n], EmbeddedValue) else ()
                )
                for n in readable
            ]
        )

    async def _paths(self) -> dict[str, list[str]]:
        """The names from the root to each category, by its id."""
        names, above, after = dict[str, str](), dict[str, str | None](), None
        want: Selection[Category] = Selection(FieldSet((Field("id"), Field("name"), Field("parent_id"))))
        while True:
            page = await Categories(self.context).list(ListQuery(first=MAX_PAGE_SIZE, after=after, sort=OLDEST), want)
            for row in _plain(page.body):
                names[row["id"]], above[row["id"]] = row["name"], row["parent_id"]
            if (after := page.next_cursor) is None:
                break
        return {id: _path(id, names, above) for id in names}


def _path(id: str | None, names: dict[str, str], above: dict[str, str | None]) -> list[str]:
    path: list[str] = []
    # One that was made or deleted meanwhile is not among them.
    while id in names:
        path.insert(0, names[id])
        id = above[id]
    return path


def _plain(body: Any) -> list[Plain]:
    """Records as builtins."""
    return msgspec.json.decode(msgspec.json.encode(body))


def _record(row: Plain, paths: dict[str, list[str]]) -> Plain:
    """A product with its categories by their names, the main one first, and the images that lie where anybody finds them."""
    main = row.pop("category_id")
    ids = sorted([c["id"] for c in row.pop("categories")], key=lambda id: id != main)
    images = [
        image
        for image in row["media"]
        if URL_PATTERN.fullmatch(image["source_url"] or "") and len(image["source_url"]) <= MAX_URL_LENGTH
    ]
    found = [paths[id] for id in ids if id in paths]
    return row | {"categories": [[], *found] if found and main not in paths else found, "media": images}
