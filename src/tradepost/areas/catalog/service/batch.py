"""A batch of product changes: one transaction, the outcomes in the items' order. Upserts alone are one set of statements, else each item has a savepoint."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from msgspec import UNSET
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from tradepost.kit.db.errors import LostRace, translate_error
from tradepost.kit.operations.operation import operation
from tradepost.kit.problems import AlreadyExists, Conflict, Fault, NotFound, PreconditionFailed, Problem, Validation
from tradepost.kit.query.records import Batch, Item, Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import MergePatch
from tradepost.kit.schema.validation import validate

from .. import policy
from ..models import ProductRow
from ..resource import products
from ..schemas import BatchVerb, Product, ProductBatch, ProductBatchItem, ProductCreate
from .products import Products
from .upserts import UpsertOutcome, Upserts, validate_input

# What an item alone can be refused with is the answer to all where the batch is atomic.
REFUSALS = (NotFound, AlreadyExists, Conflict, PreconditionFailed)
NEEDS: dict[BatchVerb, tuple[str, ...]] = {
    BatchVerb.CREATE: ("input",),
    BatchVerb.UPSERT: ("input",),
    BatchVerb.UPDATE: ("id", "patch"),
    BatchVerb.DELETE: ("id",),
}
# What an upsert finds a product by. Where another write just took it, the next try finds that one's product.
FOUND_BY = ("external_reference", "slug")


class ProductBatches(Products):
    """Several changes of products at once, each by the rule that it has alone. `shape` is what upserts read; `by_options` see `Upserts`."""

    input_type: type[ProductCreate] = ProductCreate
    match_by_options = False

    @operation("product_batch", "batch", products, access=policy.edit, input=ProductBatch, problems=REFUSALS)
    async def batch(self, given: ProductBatch, atomic: bool, want: Selection[Product]) -> Batch[Product]:
        """Makes, changes and deletes up to 100 products in one transaction, each in a savepoint of its own; `atomic` makes it all or nothing."""
        upserts = Upserts(self, self.match_by_options, _slugs(given.items))
        outcomes = (
            await self._together(given.items, atomic, want, upserts)
            if all(i.op is BatchVerb.UPSERT for i in given.items)
            else None
        )
        return Batch(await self._singly(given.items, atomic, want, upserts) if outcomes is None else outcomes)

    async def _together(
        self, items: Sequence[ProductBatchItem], atomic: bool, want: Selection[Product], upserts: Upserts
    ) -> list[Item[Product]] | None:
        """The outcomes of upserts as one set; None where it clashes, and has to show item by item which one does."""
        inputs = [_input(self.input_type, item) for item in items]
        if atomic and any(isinstance(given, Problem) for given in inputs):
            return None
        for _ in range(2):
            try:
                async with _savepoint(self):
                    outcomes = await self._set(inputs, want, upserts)
            except (AlreadyExists, Conflict) as clash:
                if clash.members.get("field") in FOUND_BY:
                    continue
                return None
            if atomic and (
                first := next(((at, o.problem) for at, o in enumerate(outcomes) if o.problem is not None), None)
            ):
                raise _placed(first[1], first[0])
            return outcomes
        return None

    async def _set(
        self, inputs: Sequence[ProductCreate | Problem], want: Selection[Product], upserts: Upserts
    ) -> list[Item[Product]]:
        """The outcomes of some upserts, each with its record as it was then."""
        valid = [given for given in inputs if not isinstance(given, Problem)]
        outcomes = list[Item[Product]]()
        while rest := valid[len(outcomes) :]:
            done = await upserts.run(rest)
            records = await self.read_back_all(products, want, [d.id for d in done if isinstance(d, UpsertOutcome)])
            outcomes += [
                Item(d.status, problem=_inside(d, "/input")) if isinstance(d, Problem) else _outcome(d, records)
                for d in done
            ]
        each = iter(outcomes)
        return [Item(given.status, problem=given) if isinstance(given, Problem) else next(each) for given in inputs]

    async def _singly(
        self, items: Sequence[ProductBatchItem], atomic: bool, want: Selection[Product], upserts: Upserts
    ) -> list[Item[Product]]:
        """The outcomes of items each in its savepoint."""
        outcomes: list[Item[Product]] = []
        for at, item in enumerate(items):
            try:
                outcomes.append(await self._again(item, want, upserts))
            except Problem as problem:
                if atomic:
                    # A clash on a slug that the item gives is not ours to mend, though one was made for another item.
                    self.context.work.generated_fields -= {"slug"} if _slugs([item]) else set()
                    raise _placed(problem, at) from problem
                outcomes.append(Item(problem.status, problem=problem))
        return outcomes

    async def _again(self, item: ProductBatchItem, want: Selection[Product], upserts: Upserts) -> Item[Product]:
        """One item. An upsert that makes what another write just made finds it then, and changes it."""
        try:
            return await self._apart(item, want, upserts)
        except AlreadyExists as clash:
            if item.op is not BatchVerb.UPSERT or clash.members.get("field") not in FOUND_BY:
                raise
            return await self._apart(item, want, upserts)

    async def _apart(self, item: ProductBatchItem, want: Selection[Product], upserts: Upserts) -> Item[Product]:
        """One item in its savepoint."""
        try:
            async with _savepoint(self):
                outcome = await self._do(item, want, upserts)
                await self.session.flush()
                return outcome
        except LostRace as race:
            raise Conflict.lost_race("Another write came first; try this item again.") from race

    async def _do(self, item: ProductBatchItem, want: Selection[Product], upserts: Upserts) -> Item[Product]:
        _check(item)
        expected = None if item.expected_version is UNSET else item.expected_version
        match item.op:
            case BatchVerb.CREATE:
                return Item(
                    201, await _under("/input", self.create(validate(ProductCreate, item.input, "/input"), want))
                )
            case BatchVerb.UPDATE:
                assert isinstance(item.patch, dict)
                before = await self.session.scalar(select(ProductRow.version).where(ProductRow.id == str(item.id)))
                record = await _under("/patch", self.update(str(item.id), MergePatch(item.patch), expected, want))
                return Item(200, record, changed=record.version != before)
            case BatchVerb.DELETE:
                await self.delete(str(item.id), expected, want)
                return Item(204)
            case BatchVerb.UPSERT:
                [outcome] = await self._set([_input(self.input_type, item)], want, upserts)
                if outcome.problem is not None:
                    raise outcome.problem
                return outcome


@asynccontextmanager
async def _savepoint(service: Products) -> AsyncGenerator[None]:
    """A savepoint; what the database refuses in it is a problem or a lost race."""
    try:
        async with service.context.work.savepoint():
            yield
    except DBAPIError as fault:
        raise translate_error(fault) from fault


async def _under[T](pointer: str, call: Awaitable[T]) -> T:
    """A call whose faults stand under a member of the item."""
    try:
        return await call
    except Validation as problem:
        raise _inside(problem, pointer) from problem


def _input(shape: type[ProductCreate], item: ProductBatchItem) -> ProductCreate | Problem:
    """What an upsert is given, or why that cannot be used."""
    try:
        _check(item)
        return validate_input(shape, item.input)
    except Problem as problem:
        return problem


def _slugs(items: Sequence[ProductBatchItem]) -> set[str]:
    """The slugs that the items give: none is made for another."""
    given = [members for item in items for members in (item.input, item.patch) if isinstance(members, dict)]
    return {slug for members in given if isinstance(slug := members.get("slug"), str)}


def _outcome(done: UpsertOutcome, records: Mapping[str, Record[Product]]) -> Item[Product]:
    return Item(201 if done.created else 200, records[done.id], changed=done.changed)


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
        faults.append(
            Fault(
                code="not_allowed",
                detail=f"`{item.op.value}` takes no `expected_version`.",
                pointer="/expected_version",
            )
        )
    if faults:
        raise Validation(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)


def _placed(problem: Problem, at: int) -> Problem:
    """The problem with its pointers under the item's place."""
    placed = [msgspec.structs.replace(e, pointer=f"/items/{at}{e.pointer or ''}") for e in problem.errors]
    problem.errors = placed or [Fault(code=problem.code, detail=problem.detail, pointer=f"/items/{at}")]
    return problem


def _inside(problem: Problem, pointer: str) -> Problem:
    """The problem with its pointers under a member of the item."""
    problem.errors = [msgspec.structs.replace(e, pointer=f"{pointer}{e.pointer or ''}") for e in problem.errors]
    return problem
