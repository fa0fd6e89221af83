"""A batch of product changes: one transaction, a savepoint for each item, the outcomes in the items' order."""

from collections.abc import Awaitable, Sequence

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from tradepost.kit.database import LostRace, problem_of
from tradepost.kit.inputs import read
from tradepost.kit.operation import operation
from tradepost.kit.patching import MergePatch
from tradepost.kit.problems import AlreadyExists, Conflict, Fault, NotFound, PreconditionFailed, Problem, Validation
from tradepost.kit.records import Batch, Item
from tradepost.kit.selection import Selection

from .. import policy
from ..models import ProductRow, VariantRow
from ..resource import products
from ..schemas import BatchVerb, Product, ProductBatch, ProductBatchItem, ProductCreate, VariantInput
from .products import Products
from .summary import summarise
from .variants import Variants, check

# What an item alone can be refused with is the answer to all where the batch is atomic.
REFUSALS = (NotFound, AlreadyExists, Conflict, PreconditionFailed)
NEEDS: dict[BatchVerb, tuple[str, ...]] = {
    BatchVerb.CREATE: ("input",),
    BatchVerb.UPSERT: ("input",),
    BatchVerb.UPDATE: ("id", "patch"),
    BatchVerb.DELETE: ("id",),
}


class ProductBatches(Products):
    """Several changes of products at once, each by the rule that it has alone."""

    @operation("product_batch", "batch", products, access=policy.edit, input=ProductBatch, problems=REFUSALS)
    async def batch(self, given: ProductBatch, atomic: bool, want: Selection[Product]) -> Batch[Product]:
        """Makes, changes and deletes up to 100 products in one transaction, each in a savepoint of its own; `atomic` makes it all or nothing."""
        outcomes: list[Item[Product]] = []
        for at, item in enumerate(given.items):
            try:
                outcomes.append(await _again(self, item, want))
            except Problem as problem:
                if atomic:
                    raise _placed(problem, at) from problem
                outcomes.append(Item(problem.status, problem=problem))
        return Batch(outcomes)


async def _again(service: Products, item: ProductBatchItem, want: Selection[Product]) -> Item[Product]:
    """One item. An upsert that makes what another write just made finds it then, and changes it."""
    try:
        return await _apart(service, item, want)
    except AlreadyExists as clash:
        if item.op is not BatchVerb.UPSERT or clash.members.get("field") not in ("external_reference", "slug"):
            raise
        return await _apart(service, item, want)


async def _apart(service: Products, item: ProductBatchItem, want: Selection[Product]) -> Item[Product]:
    """One item in its savepoint."""
    try:
        async with service.session.begin_nested():
            outcome = await _do(service, item, want)
            await service.session.flush()
            return outcome
    except DBAPIError as fault:
        cause = problem_of(fault)
        raise (Conflict("Another write came first; try this item again.") if isinstance(cause, LostRace) else cause) from fault


async def _do(service: Products, item: ProductBatchItem, want: Selection[Product]) -> Item[Product]:
    _check(item)
    expected = None if item.expected_version is UNSET else item.expected_version
    match item.op:
        case BatchVerb.CREATE:
            return Item(201, await _under("/input", service.create(read(ProductCreate, item.input, "/input"), want)))
        case BatchVerb.UPDATE:
            assert isinstance(item.patch, dict)
            before = await _version(service, str(item.id))
            record = await _under("/patch", service.update(str(item.id), MergePatch(item.patch), expected, want))
            return Item(200, record, changed=record.version != before)
        case BatchVerb.DELETE:
            await service.delete(str(item.id), expected, want)
            return Item(204)
        case BatchVerb.UPSERT:
            return await _under("/input", _upsert(service, read(ProductCreate, item.input, "/input"), want))


async def _under[T](pointer: str, call: Awaitable[T]) -> T:
    """A call whose faults stand under a member of the item."""
    try:
        return await call
    except Validation as problem:
        problem.errors = [msgspec.structs.replace(e, pointer=f"{pointer}{e.pointer or ''}") for e in problem.errors]
        raise


async def _version(service: Products, id: str) -> int | None:
    return await service.session.scalar(select(ProductRow.version).where(ProductRow.id == id))


async def _upsert(service: Products, new: ProductCreate, want: Selection[Product]) -> Item[Product]:
    """The product by `external_reference`, else by `slug`; made where there is none, else changed, its variants by `sku`."""
    id = await _found(service, new)
    if id is None:
        return Item(201, await service.create(new, want))
    before = await _version(service, id)
    row = await service.claim(ProductRow, products, id)
    # The variants first: what they make of the product's price is then part of its one UPDATE.
    touched = await _variants(service, row, new.variants)
    changed = await service.change(row, new, new.category_ids)
    if touched and not changed:
        await summarise(service, row)
    record = await service.answer(products, want, id)
    return Item(200, record, changed=touched or changed or record.version != before)


async def _found(service: Products, new: ProductCreate) -> str | None:
    for column, value in ((ProductRow.external_reference, new.external_reference), (ProductRow.slug, new.slug)):
        if value is not None and not isinstance(value, UnsetType):
            found = await service.session.scalar(select(ProductRow.id).where(column == value))
            if found is not None:
                return found
    return None


async def _variants(service: Products, row: ProductRow, given: Sequence[VariantInput]) -> bool:
    """Changes the variants that are known by their SKU and makes the others; those that are not given stay."""
    rules = Variants(service.context)
    query = select(VariantRow).where(VariantRow.product_id == row.id, VariantRow.sku.in_([v.sku for v in given]))
    known = {v.sku: v for v in (await service.session.scalars(query)).all()}
    changed, new = False, list[VariantInput]()
    for at, variant in enumerate(given):
        check(variant, f"/variants/{at}")
        if variant.sku in known:
            changed = rules.set(known[variant.sku], variant) or changed
        else:
            new.append(variant)
    await service.session.flush()
    if new:
        await rules.add(row, new, "/variants")
    return changed or bool(new)


def _check(item: ProductBatchItem) -> None:
    """Each verb takes its own members."""
    needs = NEEDS[item.op]
    faults = [
        Fault(code="required", detail=f"`{item.op.value}` needs `{name}`.", pointer=f"/{name}")
        if name in needs
        else Fault(code="not_allowed", detail=f"`{item.op.value}` takes no `{name}`.", pointer=f"/{name}")
        for name in ("id", "input", "patch")
        if (getattr(item, name) is UNSET) == (name in needs)
    ]
    if item.op in (BatchVerb.CREATE, BatchVerb.UPSERT) and item.expected_version is not UNSET:
        faults.append(Fault(code="not_allowed", detail=f"`{item.op.value}` takes no `expected_version`.", pointer="/expected_version"))
    if faults:
        raise Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)


def _placed(problem: Problem, at: int) -> Problem:
    """The problem with its pointers under the item's place."""
    placed = [msgspec.structs.replace(e, pointer=f"/items/{at}{e.pointer or ''}") for e in problem.errors]
    problem.errors = placed or [Fault(code=problem.code, detail=problem.detail, pointer=f"/items/{at}")]
    return problem
