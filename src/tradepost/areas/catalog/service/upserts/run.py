"""The steps of a list of upserts: find, compare, write."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import select

from tradepost.kit.operations.service import Service
from tradepost.kit.problems import AlreadyExists, Problem
from tradepost.kit.schema.validation import validate
from tradepost.kit.text.slugs import slugify

from ...models import CategoryRow, ProductRow, VariantRow
from ...schemas import ProductCreate
from .. import slugs
from ..variants import check_prices
from .draft import PlannedUpsert
from .existing import Values, find_products, load_existing
from .statements import write


class UpsertOutcome(msgspec.Struct, frozen=True):
    """What came of an upsert: the product's id, whether it is new, whether anything changed."""

    id: str
    created: bool
    changed: bool


class Upserts:
    """Makes and changes products as inputs say, in a service's open write.

    by_options: a variant whose SKU is new to its product takes the place of the one with the same options.
    avoid: slugs that none is made of, because an input gives them.
    """

    def __init__(self, service: Service, by_options: bool, avoid: Collection[str]) -> None:
        self.service, self.match_by_options, self.reserved_slugs = service, by_options, avoid

    async def run(self, inputs: Sequence[ProductCreate]) -> list[UpsertOutcome | Problem]:
        """What came of the first of some checked inputs: of as many as mean a product each. What means one of theirs again has to come after them."""
        meant = await find_products(self.service, inputs)
        size = _apart(inputs, meant)
        return await self._set([PlannedUpsert(new, was) for new, was in zip(inputs[:size], meant[:size], strict=True)])

    async def _set(self, drafts: Sequence[PlannedUpsert]) -> list[UpsertOutcome | Problem]:
        pictures = any([getattr(d.input, "media", UNSET) is not UNSET for d in drafts])
        present = await load_existing(self.service, [d.id for d in drafts if d.current is not None], pictures)
        for draft in drafts:
            draft.compare(present, self.match_by_options)
        await self._check_categories(drafts)
        await self._check_skus(drafts)
        await self._name(drafts)
        if write_these := [d for d in _open(drafts) if d.has_changes]:
            await write(self.service, write_these, self.service.context.clock())
        return [d.problem or UpsertOutcome(d.id, d.current is None, d.has_changes) for d in drafts]

    async def _check_categories(self, drafts: Sequence[PlannedUpsert]) -> None:
        if joined := sorted({c for d in _open(drafts) for c in d.added_categories}):
            query = select(CategoryRow.id).where(self.service.context.database.in_values(CategoryRow.id, joined))
            known = set(await self.service.session.scalars(query))
            for draft in _open(drafts):
                draft.check_categories(known)

    async def _check_skus(self, drafts: Sequence[PlannedUpsert]) -> None:
        """Refuses SKUs that another product has. One that a product of the list has may be about to leave it."""
        wanted = sorted({sku for d in _open(drafts) for sku in d.variants.new_skus})
        if not wanted:
            return
        names = (VariantRow.sku, ProductRow.id, ProductRow.external_reference, ProductRow.slug)
        query = (
            select(*names)
            .join(ProductRow, ProductRow.id == VariantRow.product_id)
            .where(self.service.context.database.in_values(VariantRow.sku, wanted))
        )
        owners: dict[str, tuple[str | None, ...]] = {
            sku: tuple(names) for sku, *names in await self.service.session.execute(query)
        }
        ours = {d.id for d in drafts}
        taken = {sku for sku, (id, *_) in owners.items() if id not in ours}
        for draft in _open(drafts):
            new = draft.variants.new_skus
            if not taken.isdisjoint(new):
                if any([draft.is_identified_by(*owners[sku][1:]) for sku in new if sku in owners]):
                    raise AlreadyExists("Another write just made this product.", field="external_reference")
                draft.problem = AlreadyExists("Another row has this `sku`.", field="sku")
            else:
                taken.update(new)

    async def _name(self, drafts: Sequence[PlannedUpsert]) -> None:
        """Gives new products without a slug one."""
        if nameless := [d for d in _open(drafts) if d.current is None and d.input.slug is UNSET]:
            chosen = await slugs.choose_all(
                self.service, ProductRow, [d.input.name for d in nameless], self.reserved_slugs
            )
            for draft, slug in zip(nameless, chosen, strict=True):
                draft.values["slug"] = slug


def validate_input(shape: type[ProductCreate], given: Any) -> ProductCreate:
    """What an upsert is given, checked as far as it can be alone; faults stand under `/input`."""
    new = validate(shape, given, "/input")
    if new.slug is not UNSET:
        slugs.check(new.slug, "/input")
    for at, variant in enumerate(new.variants):
        check_prices(variant, f"/input/variants/{at}")
    return new


def _open(drafts: Sequence[PlannedUpsert]) -> Iterator[PlannedUpsert]:
    """The drafts that have no problem."""
    return iter([d for d in drafts if d.problem is None])


def _apart(inputs: Sequence[ProductCreate], meant: Sequence[Values | None]) -> int:
    """How many inputs from the first on mean a product each that no other of them means or makes room for."""
    seen, left = set[tuple[str, str]](), list[str]()
    for at, (new, was) in enumerate(zip(inputs, meant, strict=True)):
        names: set[tuple[str, str]] = (
            {("reference", new.external_reference)} if new.external_reference is not None else set()
        )
        names |= {("slug", new.slug)} if new.slug is not UNSET else set()
        names |= {("id", was["id"])} if was is not None else set()
        if not seen.isdisjoint(names) or _may_follow(new, was, left):
            return at
        seen |= names
        left += [was["slug"]] if was is not None and new.slug is not UNSET and new.slug != was["slug"] else []
    return len(inputs)


def _may_follow(new: ProductCreate, was: Values | None, left: Sequence[str]) -> bool:
    """Whether a new product's slug is made from a name, and may come to be one that products before it leave: only once they have left it."""
    if was is not None or new.slug is not UNSET or not left:
        return False
    made = slugify(new.name, str(ProductRow.__tablename__))
    return any([slug.startswith(made) for slug in left])
