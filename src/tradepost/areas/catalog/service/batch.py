"""Batches of product changes: one transaction, with the outcomes in the order of the items.

A batch of upserts only is written by one set of statements. In any other batch each item has a
savepoint, in which event handlers run too: what a handler refuses fails this item alone.
"""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from msgspec import UNSET
from sqlalchemy import select

from tradepost.kit.db.errors import LostRace, translated_errors
from tradepost.kit.ids import parse_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.problems import (
    AlreadyExists,
    Conflict,
    CurrencyNotSold,
    Fault,
    NotFound,
    PreconditionFailed,
    Problem,
    Unavailable,
    Validation,
)
from tradepost.kit.query.records import Batch, Item, Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import MergePatch
from tradepost.kit.schema.validation import validate

from .. import policy
from ..formats.update_scope import UpdateScope
from ..models import ProductRow
from ..resource import products
from ..schemas import BatchVerb, Product, ProductBatch, ProductBatchItem, ProductCreate
from .products import Products
from .upserts import UpsertInput, UpsertOutcome, Upserts, validate_input

# Problems of single items. In an atomic batch the first one is the answer to the whole batch.
ITEM_PROBLEMS = (NotFound, AlreadyExists, Conflict, PreconditionFailed, CurrencyNotSold)
REQUIRED_MEMBERS: dict[BatchVerb, tuple[str, ...]] = {
    BatchVerb.CREATE: ("input",),
    BatchVerb.UPSERT: ("input",),
    BatchVerb.UPDATE: ("id", "patch"),
    BatchVerb.DELETE: ("id",),
}
# Upserts look up products by these. If one is taken by a concurrent write, the upsert is tried
# again and then finds the product of that write.
LOOKUP_MEMBERS = ("external_reference", "slug")


class ProductBatches(Products):
    """Batches of product changes. Each item follows the same rules as the single operation.

    input_type: type of the inputs of upserts.    match_by_options: see `Upserts`.
    """

    input_type: type[ProductCreate] = ProductCreate
    match_by_options = False

    @operation("product_batch", "batch", products, access=policy.edit, input=ProductBatch, problems=ITEM_PROBLEMS)
    async def batch(self, changes: ProductBatch, atomic: bool, selection: Selection[Product]) -> Batch[Product]:
        """Create, update, upsert and delete up to 100 products in one transaction.

        Items succeed or fail independently. With `atomic`, nothing is changed if one fails.
        """
        items = changes.items
        upserts = Upserts(self, self.match_by_options, _slugs_in(items))
        outcomes = None
        if all(item.op is BatchVerb.UPSERT for item in items):
            outcomes = await self._run_as_set(items, atomic, selection, upserts)
        if outcomes is None:
            outcomes = await self._run_one_by_one(items, atomic, selection, upserts)
        return Batch(outcomes)

    async def _run_as_set(
        self, items: Sequence[ProductBatchItem], atomic: bool, selection: Selection[Product], upserts: Upserts
    ) -> list[Item[Product]] | None:
        """Run upserts as one set.

        Return None if that fails and the items must be run one by one to find the one at fault.
        """
        inputs = [self._validated_input(item) for item in items]
        if atomic and any(isinstance(new, Problem) for new in inputs):
            return None
        for _ in range(2):
            try:
                async with _savepoint(self):
                    outcomes = await self._upsert(inputs, selection, upserts)
            except Unavailable:
                raise  # the transaction cannot go on
            except Problem as problem:
                is_clash = isinstance(problem, (AlreadyExists, Conflict))
                if is_clash and problem.members.get("field") in LOOKUP_MEMBERS:
                    continue
                return None
            if atomic and (failed := [(i, o.problem) for i, o in enumerate(outcomes) if o.problem is not None]):
                index, problem = failed[0]
                raise _at_item(problem, index)
            return outcomes
        return None

    async def _upsert(
        self, inputs: Sequence[UpsertInput | Problem], selection: Selection[Product], upserts: Upserts
    ) -> list[Item[Product]]:
        """Upsert the valid inputs; pass problems through.

        Each record is read right after its upsert, before later inputs can change it again.
        """
        valid = [new for new in inputs if not isinstance(new, Problem)]
        items = list[Item[Product]]()
        while remaining := valid[len(items) :]:
            outcomes = await upserts.run(remaining)
            ids = [outcome.id for outcome in outcomes if isinstance(outcome, UpsertOutcome)]
            records = await self.read_back_all(products, selection, ids)
            items += [_item(outcome, records) for outcome in outcomes]
            for outcome in outcomes:
                if isinstance(outcome, UpsertOutcome):
                    self.upserted(outcome)
        upserted = iter(items)
        return [Item(new.status, problem=new) if isinstance(new, Problem) else next(upserted) for new in inputs]

    async def _run_one_by_one(
        self, items: Sequence[ProductBatchItem], atomic: bool, selection: Selection[Product], upserts: Upserts
    ) -> list[Item[Product]]:
        """Run each item in a savepoint of its own."""
        await self._lock_products(items)
        outcomes: list[Item[Product]] = []
        for index, item in enumerate(items):
            try:
                outcomes.append(await self._run_item(item, selection, upserts))
            except Unavailable:
                raise  # the transaction cannot go on
            except Problem as problem:
                if atomic:
                    # A slug given in the item cannot be chosen again, even if another item has a
                    # generated one, so the operation must not be retried.
                    self.context.work.generated_fields -= {"slug"} if _slugs_in([item]) else set()
                    raise _at_item(problem, index) from problem
                outcomes.append(Item(problem.status, problem=problem))
        return outcomes

    async def _lock_products(self, items: Sequence[ProductBatchItem]) -> None:
        """Lock the products that items name, in the order of their ids.

        Items lock their products one after another, so without this, two batches that name the same
        products in different orders deadlock. SQLite has one writer at a time.
        """
        ids = {parse_id(item.id) for item in items if item.id is not UNSET} - {None}
        database = self.context.database
        if ids and not database.is_sqlite:
            query = select(ProductRow.id).where(database.in_values(ProductRow.id, sorted(map(str, ids))))
            await self.session.execute(query.order_by(ProductRow.id).with_for_update())

    async def _run_item(self, item: ProductBatchItem, selection: Selection[Product], upserts: Upserts) -> Item[Product]:
        """Run an item. An upsert is run again if a concurrent write just created its product."""
        try:
            return await self._try_item(item, selection, upserts)
        except AlreadyExists as clash:
            if item.op is not BatchVerb.UPSERT or clash.members.get("field") not in LOOKUP_MEMBERS:
                raise
            return await self._try_item(item, selection, upserts)

    async def _try_item(self, item: ProductBatchItem, selection: Selection[Product], upserts: Upserts) -> Item[Product]:
        try:
            async with _savepoint(self):
                outcome = await self._apply_item(item, selection, upserts)
                await self.session.flush()
                return outcome
        except LostRace as race:
            raise Conflict.lost_race("A concurrent write changed this product first; try this item again.") from race

    async def _apply_item(
        self, item: ProductBatchItem, selection: Selection[Product], upserts: Upserts
    ) -> Item[Product]:
        _check_members(item)
        if item.id is not UNSET and parse_id(item.id) is None:
            raise products.not_found(item.id)
        expected = None if item.expected_version is UNSET else item.expected_version
        match item.op:
            case BatchVerb.CREATE:
                new = validate(ProductCreate, item.input, "/input")
                return Item(201, await _with_pointer("/input", self.create(new, selection)))
            case BatchVerb.UPDATE:
                assert isinstance(item.patch, dict)
                before = await self.session.scalar(select(ProductRow.version).where(ProductRow.id == str(item.id)))
                update = self.update(str(item.id), MergePatch(item.patch), expected, selection)
                record = await _with_pointer("/patch", update)
                return Item(200, record, changed=record.version != before)
            case BatchVerb.DELETE:
                await self.delete(str(item.id), expected, selection)
                return Item(204)
            case BatchVerb.UPSERT:
                [outcome] = await self._upsert([self._validated_input(item)], selection, upserts)
                if outcome.problem is not None:
                    raise outcome.problem
                return outcome

    def _validated_input(self, item: ProductBatchItem) -> UpsertInput | Problem:
        """Return the input of an upsert, or the problem with it."""
        try:
            _check_members(item)
            return validate_input(self, self.input_type, item.input, self.scope_of(item))
        except Problem as problem:
            return problem

    def scope_of(self, item: ProductBatchItem) -> UpdateScope | None:
        """Return what an upsert changes in an existing product; None for the members given."""
        return None

    def upserted(self, outcome: UpsertOutcome) -> None:
        """Do nothing; the import collects the outcomes."""


@asynccontextmanager
async def _savepoint(service: Products) -> AsyncGenerator[None]:
    """A savepoint in which database errors become problems or LostRace."""
    with translated_errors():
        async with service.context.savepoint():
            yield


async def _with_pointer[T](pointer: str, call: Awaitable[T]) -> T:
    """Await a call; prefix the pointers of a Validation with that of a member of the item."""
    try:
        return await call
    except Validation as problem:
        raise _prefixed(problem, pointer) from problem


def _slugs_in(items: Sequence[ProductBatchItem]) -> set[str]:
    """Return the slugs given in the items; they are not generated for other items."""
    objects = [members for item in items for members in (item.input, item.patch) if isinstance(members, dict)]
    return {slug for members in objects if isinstance(slug := members.get("slug"), str)}


def _item(outcome: UpsertOutcome | Problem, records: Mapping[str, Record[Product]]) -> Item[Product]:
    if isinstance(outcome, Problem):
        return Item(outcome.status, problem=_prefixed(outcome, "/input"))
    return Item(201 if outcome.created else 200, records[outcome.id], changed=outcome.changed)


def _check_members(item: ProductBatchItem) -> None:
    """Raise Validation if the item lacks members that its verb needs, or has others."""
    required = REQUIRED_MEMBERS[item.op]
    faults = [
        Fault(code="required", detail=f"`{item.op.value}` needs `{name}`.", pointer=f"/{name}")
        if name in required
        else Fault(code="not_allowed", detail=f"`{item.op.value}` takes no `{name}`.", pointer=f"/{name}")
        for name in ("id", "input", "patch")
        if (getattr(item, name) is UNSET) == (name in required)
    ]
    if item.op in (BatchVerb.CREATE, BatchVerb.UPSERT) and item.expected_version is not UNSET:
        faults.append(
            Fault(
                code="not_allowed",
                detail=f"`{item.op.value}` takes no `expected_version`.",
                pointer="/expected_version",
            )
        )
    if faults:
        raise Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)


def _at_item(problem: Problem, index: int) -> Problem:
    """Prefix the pointers of a problem with that of the item."""
    errors = [msgspec.structs.replace(e, pointer=f"/items/{index}{e.pointer or ''}") for e in problem.errors]
    problem.errors = errors or [Fault(code=problem.code, detail=problem.detail, pointer=f"/items/{index}")]
    return problem


def _prefixed(problem: Problem, pointer: str) -> Problem:
    """Prefix the pointers of a problem with that of a member of the item."""
    problem.errors = [msgspec.structs.replace(e, pointer=f"{pointer}{e.pointer or ''}") for e in problem.errors]
    return problem
