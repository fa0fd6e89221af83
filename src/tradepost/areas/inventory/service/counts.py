"""Stock counts: the units that were counted replace those on hand."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from sqlalchemy import select

from tradepost.areas.catalog.resource import variants
from tradepost.kit.ids import new_id, parse_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Conflict, Fault, NotFound, Problem, StockReserved, Validation
from tradepost.kit.query.records import Batch, Item
from tradepost.kit.quoting import quote
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import StockLocationRow, StockMovementRow
from ..resource import stock_levels, stock_locations
from ..schemas import CountedStock, StockCount, StockLevel, StockMovementKind
from .checks import check_on_hand, check_tracked, no_active_location
from .ledger import Change, post
from .levels import VARIANT, LockedStock, first_location_id, lock_stock

REASON = "Count"


class Place(NamedTuple):
    """The variant and the location of an item."""

    variant_id: str
    location_id: str


class StockCounts(Service):
    """Counts stock."""

    @operation(
        "stock_count",
        "batch",
        stock_levels,
        access=policy.write,
        input=StockCount,
        problems=(NotFound, Conflict, StockReserved),
    )
    async def count(self, counted: StockCount, atomic: bool, selection: Selection[StockLevel]) -> Batch[StockLevel]:
        """Set the units on hand of up to 100 variants, as they were counted, in one transaction.

        Items succeed or fail independently. With `atomic`, nothing is changed if one fails.
        """
        places = await self._places(counted.counts)
        pairs = {place for place in places if isinstance(place, Place)}
        stock = await lock_stock(self.context, {place.variant_id for place in pairs}, pairs)
        seen, outcomes, reference = set[Place](), list[Change | Problem](), new_id(StockMovementRow.__number__)
        for item, place in zip(counted.counts, places, strict=True):
            outcomes.append(await self._outcome(stock, item, place, seen, reference))
        if atomic and (failed := [(i, o) for i, o in enumerate(outcomes) if isinstance(o, Problem)]):
            raise _at_item(failed[0][1], failed[0][0])
        counts = [outcome for outcome in outcomes if isinstance(outcome, Change)]
        changed = [change for change in counts if change.on_hand]
        if changed:
            await post(self.context, stock, changed, REASON)
        records = await self.read_back_all(stock_levels, selection, [change.level.id for change in counts])
        return Batch(
            [
                Item(outcome.status, problem=outcome)
                if isinstance(outcome, Problem)
                else Item(200, records[outcome.level.id], changed=bool(outcome.on_hand))
                for outcome in outcomes
            ]
        )

    async def _places(self, items: Sequence[CountedStock]) -> list[Place | Problem]:
        """Return the place of each item, or why it has none, by three statements."""
        known = await self._variant_ids(items)
        first = await first_location_id(self.context)
        in_values, row = self.context.database.in_values, StockLocationRow
        given = sorted({str(item.location_id) for item in items if item.location_id is not None})
        locations = set(await self.session.scalars(select(row.id).where(in_values(row.id, given))))
        return [_place(item, known, locations, first) for item in items]

    async def _variant_ids(self, items: Sequence[CountedStock]) -> dict[str, str]:
        """Return the ids of the visible variants that items name, by id and by SKU."""
        in_values = self.context.database.in_values
        ids = sorted({id for item in items if item.variant_id is not UNSET and (id := parse_id(item.variant_id))})
        skus = sorted({item.sku for item in items if item.sku is not UNSET})
        visible = variants.visible(self.viewer)
        query = select(VARIANT.id, VARIANT.sku).where(
            in_values(VARIANT.id, ids) | in_values(VARIANT.sku, skus), visible
        )
        known = dict[str, str]()
        for id, sku in await self.session.execute(query, {"caller_id": self.context.caller.id}):
            known |= {f"id {id}": id, f"sku {sku}": id}
        return known

    async def _outcome(
        self, stock: LockedStock, item: CountedStock, place: Place | Problem, seen: set[Place], reference: str
    ) -> Change | Problem:
        """Return the change that an item makes, or why it is refused."""
        if isinstance(place, Problem):
            return place
        try:
            if place in seen:
                raise Validation("Another item counts this variant at this location.")
            seen.add(place)
            variant = stock.variants[place.variant_id]
            check_tracked(variant)
            level = variant.level_at(place.location_id)
            assert level is not None, "the level was created"
            if item.expected_on_hand not in (None, level.on_hand):
                detail = f"{level.on_hand} units are on hand, but {item.expected_on_hand} were expected. Count again."
                raise Conflict(detail)
            await check_on_hand(self.context, variant, level, item.on_hand, "/on_hand")
            return Change(level, StockMovementKind.ADJUST, reference, on_hand=item.on_hand - level.on_hand)
        except Problem as problem:
            return problem


def _place(item: CountedStock, known: dict[str, str], locations: set[str], first: str | None) -> Place | Problem:
    """Return the place of an item, or why it has none."""
    if (item.variant_id is UNSET) == (item.sku is UNSET):
        return Validation("Give either `variant_id` or `sku`.")
    name = str(item.sku if item.variant_id is UNSET else item.variant_id)
    key = f"sku {name}" if item.variant_id is UNSET else f"id {parse_id(name)}"
    if key not in known:
        return NotFound(f"There is no variant {quote(name)}.")
    if item.location_id is None:
        if first is None:
            return no_active_location("/location_id")
        return Place(known[key], first)
    if str(item.location_id) not in locations:
        return stock_locations.reference_not_found("/location_id", str(item.location_id))
    return Place(known[key], str(item.location_id))


def _at_item(problem: Any, index: int) -> Any:
    """Prefix the pointers of a problem with that of its item."""
    errors = [msgspec.structs.replace(e, pointer=f"/counts/{index}{e.pointer or ''}") for e in problem.errors]
    problem.errors = errors or [Fault(code=problem.code, detail=problem.detail, pointer=f"/counts/{index}")]
    return problem
