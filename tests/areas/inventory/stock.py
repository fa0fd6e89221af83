"""Makes variants with stock, and checks that the ledger agrees with the levels."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from tests.factories import unique
from tradepost.areas.catalog.models import ProductRow, ProductSearchRow, VariantRow
from tradepost.areas.catalog.service.search_document import document_of
from tradepost.areas.inventory.models import StockLevelRow, StockLocationRow, StockMovementRow, StockReservationRow
from tradepost.areas.inventory.schemas import StockMovementKind
from tradepost.areas.inventory.service import Release, release
from tradepost.areas.inventory.service.ledger import Change, post
from tradepost.areas.inventory.service.levels import lock_stock
from tradepost.kit.auth.caller import Caller
from tradepost.kit.ids import new_id
from tradepost.kit.writes.call_context import CallContext

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

STOCKKEEPER = Caller(role="staff", permissions=frozenset({"catalog:write", "stock:read", "stock:write"}))
SHOPPER = Caller()


def context(app: "TradepostApp", caller: Caller = STOCKKEEPER) -> CallContext:
    """Return the context of a call of a service."""
    return CallContext(caller, app.state.database, "a-test", dependencies=app.state.dependencies)


@asynccontextmanager
async def transaction(app: "TradepostApp", caller: Caller = STOCKKEEPER) -> AsyncGenerator[CallContext]:
    """Run a transaction and yield its context."""
    call = context(app, caller)
    async with call.transaction():
        yield call


class RolledBack(Exception):
    """Ends a transaction whose changes other tests must not see."""


@asynccontextmanager
async def rolled_back(app: "TradepostApp") -> AsyncGenerator[CallContext]:
    """Run a transaction that is rolled back at its end, and yield its context."""
    with suppress(RolledBack):
        async with transaction(app) as call:
            yield call
            raise RolledBack


async def main_location(app: "TradepostApp") -> str:
    """Return the id of the location `main`."""
    async with app.state.database.session_factory() as session:
        return await session.scalar(select(StockLocationRow.id).where(StockLocationRow.code == "main"))


async def new_location(app: "TradepostApp", priority: int, **values: Any) -> str:
    """Create a location; those of a test come after `main`."""
    async with app.state.database.session_factory() as session, session.begin():
        row = StockLocationRow(code=unique("place"), name="Place", priority=priority, **values)
        session.add(row)
        await session.flush()
        return row.id


async def new_variant(app: "TradepostApp", **values: Any) -> str:
    """Create a variant of a product of its own."""
    sku = unique("SKU")
    async with app.state.database.session_factory() as session, session.begin():
        product = ProductRow(slug=unique("chair"), name="Chair", status="active")
        session.add(product)
        await session.flush()
        row = VariantRow(
            product_id=product.id, sku=sku, name="", options={}, options_key="{}",
            price_amount=100, price_currency="EUR", **values,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        search: Any = ProductSearchRow.__table__
        await session.execute(insert(search).values(id=product.id, **document_of("Chair", [sku], [], "")))
        return row.id


async def put(app: "TradepostApp", variant_id: str, location_id: str, quantity: int) -> None:
    """Receive units of a variant."""
    async with transaction(app) as call:
        stock = await lock_stock(call, [variant_id], [(variant_id, location_id)])
        level = stock.variants[variant_id].level_at(location_id)
        assert level is not None
        await post(call, stock, [Change(level, StockMovementKind.RECEIVE, new_id(24), on_hand=quantity)])


async def release_units(app: "TradepostApp", order_id: str, units: dict[str, int]) -> None:
    """Release units of an order, by line."""
    async with transaction(app) as call:
        await release(call, [Release(order_id, units, new_id(42))])


async def levels_of(app: "TradepostApp", *variant_ids: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Return `on_hand` and `reserved` by variant and location."""
    async with app.state.database.session_factory() as session:
        rows = await session.scalars(select(StockLevelRow).where(StockLevelRow.variant_id.in_(variant_ids)))
        return {(row.variant_id, row.location_id): (row.on_hand, row.reserved) for row in rows}


async def reservations_of(app: "TradepostApp", order_id: str) -> dict[tuple[str, str], int]:
    """Return the reserved units of an order by line and location, without empty ones."""
    async with app.state.database.session_factory() as session:
        rows = await session.scalars(select(StockReservationRow).where(StockReservationRow.order_id == order_id))
        return {(row.order_line_id, row.location_id): row.quantity for row in rows if row.quantity}


async def check_ledger(app: "TradepostApp", *variant_ids: str) -> None:
    """Check that levels equal the sums of movements, and `reserved` the sum of reservations."""
    async with app.state.database.session_factory() as session:
        movements = select(
            StockMovementRow.variant_id,
            StockMovementRow.location_id,
            func.sum(StockMovementRow.on_hand_delta),
            func.sum(StockMovementRow.reserved_delta),
        ).where(StockMovementRow.variant_id.in_(variant_ids))
        groups = movements.group_by(StockMovementRow.variant_id, StockMovementRow.location_id)
        sums = {
            (v, place): (int(on_hand), int(reserved)) for v, place, on_hand, reserved in await session.execute(groups)
        }
        reserved = select(
            StockReservationRow.variant_id,
            StockReservationRow.location_id,
            func.sum(StockReservationRow.quantity - StockReservationRow.shipped),
        ).where(StockReservationRow.variant_id.in_(variant_ids))
        by_place = reserved.group_by(StockReservationRow.variant_id, StockReservationRow.location_id)
        open_units = {(v, place): int(n) for v, place, n in await session.execute(by_place)}
    levels = await levels_of(app, *variant_ids)
    assert {key: level for key, level in levels.items() if level != (0, 0)} == {
        key: level for key, level in sums.items() if level != (0, 0)
    }
    assert {key: n for key, (_, n) in levels.items() if n} == {key: n for key, n in open_units.items() if n}
