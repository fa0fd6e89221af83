"""The steps of a list of upserts: find, compare, check, write."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import UNSET
from sqlalchemy import select

from tradepost.kit.operations.row_writes import visible_ids
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import AlreadyExists, Problem
from tradepost.kit.schema.validation import validate
from tradepost.kit.text.slugs import slugify
from tradepost.kit.writes.slugs import check_slug, generate_slugs

from ...formats.update_scope import UpdateScope
from ...models import ProductRow, VariantRow
from ...resource import brands, categories, products
from ...schemas import ProductCreate
from ..variants import check_variant_prices
from .existing import Values, find_products, load_existing
from .planned_upsert import PlannedUpsert
from .statements import write


class UpsertInput(msgspec.Struct, frozen=True):
    """A valid input, and which members of an existing product it changes."""

    new: ProductCreate
    scope: UpdateScope


class UpsertOutcome(msgspec.Struct, frozen=True):
    """The outcome of an upsert: the product's id, whether it is new, whether anything changed.

    other_variants: the SKUs of its variants that the input does not have. They stay.
    quantities: the stock quantities in the input, by the ids of its variants.
    """

    id: str
    created: bool
    changed: bool
    other_variants: list[str] = []
    quantities: dict[str, int] = {}


class Upserts:
    """Creates and updates products from inputs, in the open transaction of a service.

    match_by_options: a variant whose SKU is new to its product, or that has none, is the one with
        the same options.
    reserved_slugs: slugs given in inputs, which are not generated for other products.
    """

    def __init__(self, service: Service, match_by_options: bool, reserved_slugs: Collection[str]) -> None:
        self.service, self.match_by_options, self.reserved_slugs = service, match_by_options, reserved_slugs

    async def run(self, inputs: Sequence[UpsertInput]) -> list[UpsertOutcome | Problem]:
        """Upsert as many leading inputs as are independent and return their outcomes.

        The caller runs the remaining inputs afterwards, when these are in the database.
        """
        products = [input.new for input in inputs]
        matches = await find_products(self.service, products)
        size = _independent_prefix(products, matches)
        return await self._upsert(
            [
                PlannedUpsert(input.new, input.scope, current)
                for input, current in zip(inputs[:size], matches[:size], strict=True)
            ]
        )

    async def _upsert(self, plans: Sequence[PlannedUpsert]) -> list[UpsertOutcome | Problem]:
        has_media = any([p.images is not None for p in plans])
        existing = await load_existing(self.service, [p.id for p in plans if p.current is not None], has_media)
        for plan in plans:
            plan.compare(existing, self.match_by_options)
        await self._check_references(plans)
        await self._check_skus(plans)
        await self._choose_slugs(plans)
        if to_write := [p for p in _valid(plans) if p.has_changes]:
            await write(self.service, to_write, self.service.context.clock())
        return [
            p.problem or UpsertOutcome(p.id, p.current is None, p.has_changes, p.other_variants, p.variants.quantities)
            for p in plans
        ]

    async def _check_references(self, plans: Sequence[PlannedUpsert]) -> None:
        """Refuse plans with categories or a brand that do not exist."""
        if ids := {id for p in _valid(plans) for id in p.added_categories}:
            known = await visible_ids(self.service, categories, ids)
            for plan in _valid(plans):
                plan.check_categories(known)
        if ids := {id for p in _valid(plans) if (id := p.new_brand) is not None}:
            known = await visible_ids(self.service, brands, ids)
            for plan in _valid(plans):
                plan.check_brand(known)

    async def _check_skus(self, plans: Sequence[PlannedUpsert]) -> None:
        """Refuse plans whose new SKUs another product has, or an earlier plan takes.

        A SKU of a product that has a plan too is allowed: that plan may give it up.
        """
        skus = sorted({sku for p in _valid(plans) for sku in p.variants.new_skus})
        if not skus:
            return
        query = (
            select(VariantRow.sku, ProductRow.id, ProductRow.external_reference, ProductRow.slug)
            .join(ProductRow, ProductRow.id == VariantRow.product_id)
            .where(self.service.context.database.in_values(VariantRow.sku, skus))
        )
        owners: dict[str, tuple[str | None, ...]] = {
            sku: tuple(owner) for sku, *owner in await self.service.session.execute(query)
        }
        planned_ids = {p.id for p in plans}
        taken = {sku for sku, (id, *_) in owners.items() if id not in planned_ids}
        for plan in _valid(plans):
            new_skus = plan.variants.new_skus
            if taken.isdisjoint(new_skus):
                taken.update(new_skus)
                continue
            if any([plan.is_identified_by(*owners[sku][1:]) for sku in new_skus if sku in owners]):
                # The owner is the product that the plan was to create: a concurrent write was
                # faster. The batch catches this and finds the product at its next try.
                raise AlreadyExists("Another write just created this product.", field="external_reference")
            plan.problem = AlreadyExists("This `sku` is already in use.", field="sku")

    async def _choose_slugs(self, plans: Sequence[PlannedUpsert]) -> None:
        """Generate slugs for new products whose input has none."""
        if without_slug := [p for p in _valid(plans) if p.current is None and p.input.slug is UNSET]:
            names = [p.input.name for p in without_slug]
            chosen = await generate_slugs(self.service.context, products, names, self.reserved_slugs)
            for plan, slug in zip(without_slug, chosen, strict=True):
                plan.values["slug"] = slug


def validate_input(
    service: Service, input_type: type[ProductCreate], value: Any, scope: UpdateScope | None
) -> UpsertInput:
    """Validate the input of an upsert, without the database. Pointers start with `/input`.

    Without a scope, it changes the members that it has.
    """
    new = validate(input_type, value, "/input")
    if new.slug is not UNSET:
        check_slug(new.slug, "/input")
    for i, variant in enumerate(new.variants):
        check_variant_prices(service, variant, f"/input/variants/{i}")
    return UpsertInput(new, scope or UpdateScope.of_given_members(value))


def _valid(plans: Sequence[PlannedUpsert]) -> Iterator[PlannedUpsert]:
    """The plans without a problem at this moment."""
    return iter([p for p in plans if p.problem is None])


def _independent_prefix(inputs: Sequence[ProductCreate], matches: Sequence[Values | None]) -> int:
    """Length of the leading run of inputs that can be upserted together.

    No two of them address the same product, and none depends on a slug that another one frees.
    """
    seen, freed_slugs = set[tuple[str, str]](), list[str]()
    for i, (new, current) in enumerate(zip(inputs, matches, strict=True)):
        identifiers: set[tuple[str, str]] = (
            {("reference", new.external_reference)} if new.external_reference is not None else set()
        )
        identifiers |= {("slug", new.slug)} if new.slug is not UNSET else set()
        identifiers |= {("id", current["id"])} if current is not None else set()
        if not seen.isdisjoint(identifiers) or _may_reuse_slug(new, current, freed_slugs):
            return i
        seen |= identifiers
        if current is not None and new.slug is not UNSET and new.slug != current["slug"]:
            freed_slugs.append(current["slug"])
    return len(inputs)


def _may_reuse_slug(new: ProductCreate, current: Values | None, freed_slugs: Sequence[str]) -> bool:
    """Whether the slug generated for a new product may be one that an earlier input frees."""
    if current is not None or new.slug is not UNSET or not freed_slugs:
        return False
    stem = slugify(new.name, str(ProductRow.__tablename__))
    return any([slug.startswith(stem) for slug in freed_slugs])
