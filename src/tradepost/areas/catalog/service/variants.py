"""The rules of the variants. What happens to one touches its product: the price it begins at, the words it is found by."""

from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import func, select

from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import ExpectedVersion, Service, apply_changes, changed_members, column_values
from tradepost.kit.problems import AlreadyExists, Conflict, Fault, Validation
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.money import currencies
from tradepost.kit.schema.patch import Patch

from .. import policy
from ..models import ProductRow, VariantRow
from ..resource import products, variants
from ..schemas import Variant, VariantInput
from .search_document import refresh_from_variants

MAX_VARIANTS = 100


class VariantService(Service):
    """Variants as seen and changed by one caller."""

    @operation(
        "variant_list", "list", variants, access=policy.browse, parent_relation=(products, "variants"), public=True
    )
    def list(self, key: str, window: ListQuery, want: Selection[Variant]) -> Awaitable[Page[Variant]]:
        """The variants of a product, by their position."""
        return self.related(products, key, "variants", window, want)

    @operation("variant_get", "get", variants, access=policy.browse, public=True)
    def get(self, key: str, want: Selection[Variant]) -> Awaitable[Record[Variant]]:
        """One variant by its id."""
        return self.one(variants, want, key)

    @operation(
        "variant_create",
        "create",
        variants,
        access=policy.edit,
        input=VariantInput,
        parent_relation=(products, "variants"),
        problems=(AlreadyExists, Conflict),
    )
    async def create(self, key: str, new: VariantInput, want: Selection[Variant]) -> Record[Variant]:
        """Adds a variant to a product, which has at most 100."""
        product = await self.lock_for_update(ProductRow, products, key)
        [made] = await self.add(product.id, [new])
        await refresh_from_variants(self, product)
        return await self.read_back(variants, want, made)

    @operation(
        "variant_replace", "replace", variants, access=policy.edit, input=VariantInput, problems=(AlreadyExists,)
    )
    async def replace(
        self, key: str, new: VariantInput, expected: ExpectedVersion, want: Selection[Variant]
    ) -> Record[Variant]:
        """Sets all members of a variant; what is left out has its default."""
        row = await self.lock_for_update(VariantRow, variants, key, expected)
        await self.change(row, new)
        return await self.read_back(variants, want, row.id)

    @operation("variant_update", "update", variants, access=policy.edit, input=VariantInput, problems=(AlreadyExists,))
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, want: Selection[Variant]
    ) -> Record[Variant]:
        """Changes the given members of a variant and leaves the others as they are."""
        row = await self.lock_for_update(VariantRow, variants, key, expected)
        await self.change(row, await self.apply_patch(variants, key, patch, VariantInput))
        return await self.read_back(variants, want, row.id)

    @operation("variant_delete", "delete", variants, access=policy.edit)
    async def delete(self, key: str, expected: ExpectedVersion, want: Selection[Variant]) -> Record[Variant]:
        """Takes a variant out of its product."""
        row = await self.lock_for_update(VariantRow, variants, key, expected)
        gone = await self.one(variants, want, row.id)
        await self.session.delete(row)
        await self.session.flush()
        self.context.emit("variant.deleted", row.id, product_id=row.product_id)
        await refresh_from_variants(self, await self.product_of(row))
        return gone

    async def product_of(self, row: VariantRow) -> ProductRow:
        """The product of a variant, locked: its summary is about to be made anew."""
        return (
            await self.session.scalars(select(ProductRow).where(ProductRow.id == row.product_id).with_for_update())
        ).one()

    async def add(
        self, product_id: str, new: Sequence[VariantInput], at: str = "", *, product_is_new: bool = False
    ) -> Sequence[str]:
        """New rows for a product, behind those that it has; their ids. `at` is where they stand in the input; `first` says that it has none yet."""
        count, last = (0, -1) if product_is_new else await self.count_and_last_position(product_id)
        if count + len(new) > MAX_VARIANTS:
            raise too_many_variants(count + len(new))
        for i, input in enumerate(new):
            check_prices(input, f"{at}/{i}" if at else "")
        places = [last + 1 + i if input.position is UNSET else input.position for i, input in enumerate(new)]
        rows = [
            variant_values(input) | {"position": place, "product_id": product_id}
            for input, place in zip(new, places, strict=True)
        ]
        ids = await self.insert(VariantRow, *rows)
        for id in ids:
            self.context.emit("variant.created", id, product_id=product_id)
        return ids

    async def count_and_last_position(self, product_id: str) -> tuple[int, int]:
        """How many variants a product has, and the last of their positions (-1 where it has none)."""
        query = select(func.count(), func.coalesce(func.max(VariantRow.position), -1)).where(
            VariantRow.product_id == product_id
        )
        count, last = (await self.session.execute(query)).one()
        return count, last

    async def change(self, row: VariantRow, new: VariantInput, at: str = "") -> bool:
        """Sets what differs, and tells whether anything did."""
        check_prices(new, at)
        if changed := self.set(row, new):
            await self.session.flush()
            await refresh_from_variants(self, await self.product_of(row))
        return changed

    def set(self, row: VariantRow, new: VariantInput) -> bool:
        """The same with a checked input, leaving the product's summary to the caller."""
        if changed := apply_changes(row, variant_values(new)):
            self.context.emit(
                "variant.updated", row.id, product_id=row.product_id, changed=changed_members(variants, changed)
            )
        return bool(changed)


def too_many_variants(count: int) -> Conflict:
    """The problem of a product that would have so many variants."""
    return Conflict(f"A product has at most {MAX_VARIANTS} variants; this one would have {count}.")


def variant_values(new: VariantInput) -> dict[str, Any]:
    """The columns of an input; its options also in canonical form, its name made of them where it has none."""
    key = msgspec.json.encode(new.options, order="sorted").decode()
    name = " / ".join(new.options.values()) if new.name is UNSET else new.name
    return column_values(variants, new) | {"options_key": key, "name": name}


def check_prices(new: VariantInput, at: str = "") -> None:
    """The rules that a schema cannot say: a currency that exists, and one currency for both prices."""
    faults: list[Fault] = []
    if new.price.currency not in currencies():
        faults.append(
            Fault(
                code="not_allowed",
                detail=f"`{new.price.currency}` is not a currency of ISO 4217.",
                pointer=f"{at}/price/currency",
            )
        )
    if new.compare_at_price is not None and new.compare_at_price.currency != new.price.currency:
        faults.append(
            Fault(
                code="not_allowed",
                detail="Both prices of a variant have one currency.",
                pointer=f"{at}/compare_at_price/currency",
            )
        )
    if faults:
        raise Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)
