"""Stock movements: goods arrive, are corrected, and move between locations."""

from collections.abc import Sequence

from tradepost.areas.catalog.resource import variants
from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Conflict, Fault, StockReserved
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import StockMovementRow
from ..resource import stock_movements
from ..schemas import StockMove, StockMoveKind, StockMovement, StockMovementKind
from .checks import check_on_hand, check_tracked, location_id
from .ledger import Change, post
from .levels import StockedVariant, lock_stock
from .stock_levels import ID_FIELD


class StockMovements(Service):
    """Reads and makes stock movements."""

    @operation(
        "stock_movement_list",
        "list",
        stock_movements,
        access=policy.read,
        parent_relation=(variants, "stock_movements"),
    )
    async def list(self, key: str, list_query: ListQuery, selection: Selection[StockMovement]) -> Page[StockMovement]:
        """List the stock movements of a variant, newest first."""
        return await self.related(variants, key, "stock_movements", list_query, selection)

    @operation(
        "stock_move",
        "create",
        stock_movements,
        access=policy.write,
        input=StockMove,
        parent_relation=(variants, "stock_movements"),
        problems=(Conflict, StockReserved),
        requires_idempotency_key=True,
    )
    async def move(self, key: str, new: StockMove, selection: Selection[StockMovement]) -> Record[StockMovement]:
        """Receive, adjust or transfer units of a variant.

        A transfer makes two movements; the answer is the one at the location that units are taken
        from.
        """
        _check_input(new)
        variant_id = (await self.one(variants, Selection(ID_FIELD), key)).id
        source = await location_id(self.context, new.location_id, "/location_id")
        target = None
        if new.kind is StockMoveKind.TRANSFER:
            target = await location_id(self.context, new.to_location_id, "/to_location_id")
            if target == source:
                detail = "Units cannot be transferred to the location that they are at."
                raise validation_problem([Fault(code="invalid", detail=detail, pointer="/to_location_id")])
        places = [place for place in (source, target) if place is not None]
        stock = await lock_stock(self.context, [variant_id], [(variant_id, place) for place in places])
        changes = await _changes(self.context, new, stock.variants[variant_id], places)
        [movement_id, *_] = await post(self.context, stock, changes, new.reason)
        return await self.read_back(stock_movements, selection, movement_id)


async def _changes(
    context: CallContext, new: StockMove, variant: StockedVariant, places: Sequence[str]
) -> list[Change]:
    """Return the changes at the locations, of which a transfer has two."""
    check_tracked(variant)
    kind, reference = StockMovementKind(new.kind.value), new_id(StockMovementRow.__number__)
    deltas = [new.quantity] if len(places) == 1 else [-new.quantity, new.quantity]
    changes: list[Change] = []
    for place, delta in zip(places, deltas, strict=True):
        level = variant.level_at(place)
        assert level is not None, "the level was created"
        await check_on_hand(context, variant, level, level.on_hand + delta, "/quantity")
        changes.append(Change(level, kind, reference, on_hand=delta))
    return changes


def _check_input(new: StockMove) -> None:
    """Raise Validation if the members do not fit the kind."""
    faults: list[Fault] = []
    if new.quantity == 0 or (new.quantity < 0 and new.kind is not StockMoveKind.ADJUST):
        detail = f"`{new.kind.value}` takes a quantity of at least 1."
        if new.kind is StockMoveKind.ADJUST:
            detail = "`adjust` takes a quantity other than 0."
        faults.append(Fault(code="out_of_range", detail=detail, pointer="/quantity"))
    is_transfer = new.kind is StockMoveKind.TRANSFER
    if is_transfer and new.to_location_id is None:
        faults.append(Fault(code="required", detail="`transfer` needs `to_location_id`.", pointer="/to_location_id"))
    if not is_transfer and new.to_location_id is not None:
        detail = f"`{new.kind.value}` takes no `to_location_id`."
        faults.append(Fault(code="not_allowed", detail=detail, pointer="/to_location_id"))
    if faults:
        raise validation_problem(faults)
