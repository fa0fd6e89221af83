"""Resolves the names of categories and brands in an imported file to ids."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Text, bindparam, or_, select

from tradepost.kit.db.column_types import Id
from tradepost.kit.problems import Problem
from tradepost.kit.resource.selection import Field, FieldSet, Selection
from tradepost.kit.schema.validation import validate
from tradepost.kit.text.slugs import slugify
from tradepost.kit.writes.call_context import CallContext

from ..formats.row_reader import JsonObject
from ..models import BrandRow, CategoryRow
from ..schemas import Brand, BrandInput, Category, CategoryInput
from .brands import Brands
from .categories import Categories

ID_FIELD: tuple[Field, ...] = (Field("id"),)
# The first category of that name under a parent, or among the root categories.
CATEGORY_BY_NAME = (
    select(CategoryRow.id)
    .where(
        CategoryRow.name == bindparam("name", None, type_=Text),
        CategoryRow.parent_id.is_not_distinct_from(bindparam("parent", None, type_=Id)),
    )
    .order_by(CategoryRow.position, CategoryRow.id)
    .limit(1)
)


class NameResolver:
    """Finds categories and brands by name, and creates those that do not exist.

    created_categories: the paths of those that were created.
    created_brands: the keys (`_brand_key`) of those that were created.
    """

    def __init__(self, context: CallContext) -> None:
        self.context = context
        self.created_categories, self.created_brands = set[tuple[str, ...]](), set[str]()
        self._category_ids: dict[tuple[str, ...], str] = {}
        self._brand_ids: dict[str, str] = {}
        self._brand_names: dict[str, str] = {}

    def forget_ids(self) -> None:
        """Forget all ids, because the transaction of a dry run is rolled back."""
        self._category_ids.clear()
        self._brand_ids.clear()

    async def load_brands(self, products: Sequence[JsonObject]) -> None:
        """Find the brands of some products, by one statement, unless all are known already.

        A brand matches by its name, else by the slug of the name.
        """
        used = {name for product in products if (name := product.get("brand"))}
        for name in used - self._brand_names.keys():
            # An invalid name is reported when the product is validated.
            with suppress(Problem):
                self._brand_names[name] = validate(BrandInput, {"name": name}).name
        names = {self._brand_names[name] for name in used & self._brand_names.keys()}
        names = {name for name in names if _brand_key(name) not in self._brand_ids}
        if not names:
            return
        keys, in_values = {_brand_key(name) for name in names}, self.context.database.in_values
        query = (
            select(BrandRow.id, BrandRow.name, BrandRow.slug)
            .where(or_(in_values(BrandRow.name, sorted(names)), in_values(BrandRow.slug, sorted(keys))))
            .order_by(BrandRow.id.desc())
        )
        async with self.context.open_session() as session:
            rows = (await session.execute(query)).all()
        by_slug, by_name = {row.slug: row.id for row in rows}, {row.name: row.id for row in rows}
        for name in names:
            if id := by_name.get(name) or by_slug.get(_brand_key(name)):
                self._brand_ids[_brand_key(name)] = id

    async def with_ids(self, product: JsonObject) -> JsonObject:
        """Return the product with the ids of its categories and its brand in place of names."""
        if "brand" in product and not product["brand"]:
            product = _without(product, "brand") | {"brand_id": None}
        elif (name := self._brand_names.get(product.get("brand", ""))) is not None:
            product = _without(product, "brand") | {"brand_id": await self._brand_id(name)}
        if (paths := product.get("categories")) is None:
            return product
        main_id = await self._category_id(paths[0]) if paths and paths[0] else None
        ids = [await self._category_id(path) for path in paths if path]
        return _without(product, "categories") | {"category_id": main_id, "category_ids": ids}

    async def _brand_id(self, name: str) -> str:
        key = _brand_key(name)
        if key not in self._brand_ids:
            selection: Selection[Brand] = Selection(FieldSet(ID_FIELD))
            self._brand_ids[key] = (await Brands(self.context).create(BrandInput(name), selection)).id
            self.created_brands.add(key)
        return self._brand_ids[key]

    async def _category_id(self, path: Sequence[str]) -> str:
        """Return the id of the last category of a path of names."""
        parent_id: str | None = None
        for length in range(1, len(path) + 1):
            key = tuple(path[:length])
            if key not in self._category_ids:
                self._category_ids[key] = await self._find_or_create_category(parent_id, key)
            parent_id = self._category_ids[key]
        assert parent_id is not None, "a path has at least one name"
        return parent_id

    async def _find_or_create_category(self, parent_id: str | None, path: tuple[str, ...]) -> str:
        input = validate(CategoryInput, {"name": path[-1], "parent_id": parent_id})
        row = await self.context.database.fetch_first(CATEGORY_BY_NAME, {"name": input.name, "parent": parent_id})
        if row is not None:
            return str(row[0])
        selection: Selection[Category] = Selection(FieldSet(ID_FIELD))
        id = (await Categories(self.context).create(input, selection)).id
        self.created_categories.add(path)
        return id


def _brand_key(name: str) -> str:
    """Return the slug of a name; the name itself if it has no Latin letter or digit."""
    return slugify(name, "") or name


def _without(product: JsonObject, member: str) -> JsonObject:
    return {name: value for name, value in product.items() if name != member}
