"""Prices: refuses those that cannot be charged, and finds stored ones in another currency."""

from collections.abc import Mapping, Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tradepost.kit.problems import CurrencyNotSold, Fault
from tradepost.kit.schema.money import Money
from tradepost.kit.schema.validation import validation_problem
from tradepost.kit.writes.call_context import CallContext

from ..models import VariantRow
from ..schemas import MAX_PRICE
from .settings import CatalogSettings


def check_prices(context: CallContext, prices: Mapping[str, Money | None], faults: Sequence[Fault] = ()) -> None:
    """Raise Validation if a price is above MAX_PRICE or no multiple of the shop's step of prices.

    Raise CurrencyNotSold if it is in another currency. `prices` are those of an input by their JSON
    pointers, and `faults` what is wrong with the rest of it.
    """
    settings = context.dependencies.require(CatalogSettings)
    currency = settings.currency
    if faults := [*faults, *_limit_faults(prices), *_step_faults(prices, settings)]:
        raise validation_problem(faults)
    faults = [
        Fault(
            code=CurrencyNotSold.code,
            detail=f"This shop sells in {currency}, not in {price.currency}.",
            pointer=f"{pointer}/currency",
        )
        for pointer, price in prices.items()
        if price is not None and price.currency != currency
    ]
    if faults:
        raise CurrencyNotSold(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)


def _limit_faults(prices: Mapping[str, Money | None]) -> list[Fault]:
    """Return the faults of prices above MAX_PRICE, by the JSON pointers of the prices."""
    return [
        Fault(
            code="out_of_range",
            detail=f"`{price.amount}` is greater than the maximum of {MAX_PRICE}.",
            pointer=f"{pointer}/amount",
        )
        for pointer, price in prices.items()
        if price is not None and price.amount > MAX_PRICE
    ]


def _step_faults(prices: Mapping[str, Money | None], settings: CatalogSettings) -> list[Fault]:
    """Return the faults of prices that cannot be paid by card, by their JSON pointers."""
    step, currency = settings.price_step, settings.currency
    return [
        Fault(
            code="not_a_multiple",
            detail=f"`{price.amount}` is not a multiple of {step}, the smallest step of card payments in {currency}.",
            pointer=f"{pointer}/amount",
        )
        for pointer, price in prices.items()
        if price is not None and price.currency == currency and price.amount % step
    ]


async def find_other_currency(engine: AsyncEngine, currency: str) -> tuple[str, str] | None:
    """Return currency and SKU of a variant with another currency; None if there is none."""
    column = VariantRow.price_currency
    # Two ranges, because an index does not help to find what differs.
    query = select(column, VariantRow.sku).where(or_(column < currency, column > currency)).limit(1)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else (row[0], row[1])
