"""Reads and changes of variants.

Each change also updates `price_from` and the search document of the product.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import func, select

from tradepost.kit.ids import parse_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import delete_row
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, changed_members, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, CurrencyNotSold
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch, sets_member

from .. import policy
from ..models import ProductRow, VariantRow
from ..resource import products, variants
from ..schemas import Variant, VariantInput
from .prices import check_prices
from .search_document import refresh_from_variants

MAX_VARIANTS, MAX_NAME_LENGTH = 100, 200


class VariantService(Service):
    """Reads and changes variants."""

    @operation("variant_list", "list", variants, access=policy.browse, public=True)
    def list(self, list_query: ListQuery, selection: Selection[Variant]) -> Awaitable[Page[Variant]]:
        """List the variants of all products, newest first. Use `sku` or `barcode` to find one."""
        return self.page(variants, selection, list_query)

    @operation(
        "product_variants", "list", variants, access=policy.browse, parent_relation=(products, "variants"), public=True
    )
    def list_of_product(
        self, key: str, list_query: ListQuery, selection: Selection[Variant]
    ) -> Awaitable[Page[Variant]]:
        """List the variants of a product, sorted by position."""
        return self.related(products, key, "variants", list_query, selection)

    @operation("variant_get", "get", variants, access=policy.browse, public=True)
    def get(self, key: str, selection: Selection[Variant]) -> Awaitable[Record[Variant]]:
        """Get a variant by its id."""
        return self.one(variants, selection, key)

    @operation(
        "variant_create",
        "create",
        variants,
        access=policy.edit,
        input=VariantInput,
        parent_relation=(products, "variants"),
        problems=(AlreadyExists, Conflict, CurrencyNotSold),
    )
    async def create(self, key: str, new: VariantInput, selection: Selection[Variant]) -> Record[Variant]:
        """Add a variant to a product. A product can have at most 100 variants."""
        product = await self.lock_for_update(ProductRow, products, key)
        [id] = await self.add(product.id, [new])
        self.context.emit("variant.created", id, product_id=product.id)
        await refresh_from_variants(self, product)
        return await self.read_back(variants, selection, id)

    @operation(
        "variant_replace",
        "replace",
        variants,
        access=policy.edit,
        input=VariantInput,
        problems=(AlreadyExists, CurrencyNotSold),
    )
    async def replace(
        self, key: str, new: VariantInput, expected: ExpectedVersion, selection: Selection[Variant]
    ) -> Record[Variant]:
        """Replace a variant. Omitted fields get their defaults, but `position` is kept."""
        product, row = await self._lock(key, expected)
        await self.change(product, row, new)
        return await self.read_back(variants, selection, row.id)

    @operation(
        "variant_update",
        "update",
        variants,
        access=policy.edit,
        input=VariantInput,
        problems=(AlreadyExists, CurrencyNotSold),
    )
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Variant]
    ) -> Record[Variant]:
        """Update a variant. Only the given fields are changed, and a name that was generated."""
        product, row = await self._lock(key, expected)
        new = await self.apply_patch(variants, key, patch, VariantInput)
        if row.name == generated_name(row.options) and not sets_member(patch, "name"):
            new.name = UNSET
        await self.change(product, row, new)
        return await self.read_back(variants, selection, row.id)

    @operation("variant_delete", "delete", variants, access=policy.edit)
    async def delete(self, key: str, expected: ExpectedVersion, selection: Selection[Variant]) -> Record[Variant]:
        """Delete a variant."""
        product, row = await self._lock(key, expected)
        deleted = await delete_row(self, variants, row, selection, product_id=row.product_id)
        await self.session.flush()
        await refresh_from_variants(self, product)
        return deleted

    async def _lock(self, key: str, expected: ExpectedVersion) -> tuple[ProductRow, VariantRow]:
        """Lock the visible variant and its product, or raise as `lock_for_update` does.

        The product comes first, as in upserts, so that concurrent writes do not deadlock.
        """
        id = parse_id(key)
        query = select(ProductRow).join(VariantRow, VariantRow.product_id == ProductRow.id).where(VariantRow.id == id)
        product = await self.session.scalar(query.with_for_update(of=ProductRow)) if id is not None else None
        row = await self.lock_for_update(VariantRow, variants, key, expected)
        if product is None:  # the variant was created between the two statements
            raise variants.not_found(key)
        return product, row

    async def add(
        self, product_id: str, new: Sequence[VariantInput], pointer: str = "", *, product_is_new: bool = False
    ) -> Sequence[str]:
        """Insert variants behind those that the product has; return their ids. Emits no event.

        `pointer` is the JSON pointer of the list in the input, or "" for a single variant.
        A new product has no variants, so they are not counted.
        """
        count, last = (0, -1) if product_is_new else await self.count_and_last_position(product_id)
        if count + len(new) > MAX_VARIANTS:
            raise too_many_variants(count + len(new))
        for i, input in enumerate(new):
            check_variant_prices(self, input, f"{pointer}/{i}" if pointer else "")
        positions = [last + 1 + i if input.position is UNSET else input.position for i, input in enumerate(new)]
        rows = [
            variant_values(input) | {"position": position, "product_id": product_id}
            for input, position in zip(new, positions, strict=True)
        ]
        return await self.insert(VariantRow, *rows)

    async def count_and_last_position(self, product_id: str) -> tuple[int, int]:
        """Return the number of variants of a product and the last position (-1 if it has none)."""
        query = select(func.count(), func.coalesce(func.max(VariantRow.position), -1)).where(
            VariantRow.product_id == product_id
        )
        count, last = (await self.session.execute(query)).one()
        return count, last

    async def change(self, product: ProductRow, row: VariantRow, new: VariantInput) -> bool:
        """Apply an input to a locked variant of a locked product; return whether it changed."""
        check_variant_prices(self, new)
        if changed := apply_changes(row, variant_values(new)):
            self.context.emit(
                "variant.updated", row.id, product_id=row.product_id, changed=changed_members(variants, changed)
            )
            await self.session.flush()
            await refresh_from_variants(self, product)
        return bool(changed)


async def lock_variants(service: Service, product_id: str) -> list[str]:
    """Lock the variants of a product and return their ids in the order of their positions."""
    query = select(VariantRow.id, VariantRow.position).where(VariantRow.product_id == product_id)
    rows = await service.session.execute(query.order_by(VariantRow.id).with_for_update())
    return [id for _, id in sorted([(position, id) for id, position in rows])]


def too_many_variants(count: int) -> Conflict:
    """Return the problem for a product that would have `count` variants."""
    return Conflict(f"A product has at most {MAX_VARIANTS} variants; this one would have {count}.")


def variant_values(new: VariantInput) -> dict[str, Any]:
    """Return the column values of an input. A missing name is built from the options."""
    options_key = msgspec.json.encode(new.options, order="sorted").decode()
    name = generated_name(new.options) if new.name is UNSET else new.name
    return column_values(variants, new) | {"options_key": options_key, "name": name}


def generated_name(options: Mapping[str, str]) -> str:
    """Return the name of a variant that was given none: its options."""
    return " / ".join(options.values())[:MAX_NAME_LENGTH]


def check_variant_prices(service: Service, new: VariantInput, pointer: str = "") -> None:
    """Raise Validation or CurrencyNotSold if the shop cannot sell at a price.

    `pointer` is the JSON pointer of the variant in the input.
    """
    check_prices(
        service.context,
        {f"{pointer}/price": new.price, f"{pointer}/compare_at_price": new.compare_at_price},
    )
