"""Apps of their own for the tests of a module, and clients of their staff."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import msgspec

from tests.app_client import AppClient
from tests.servers import staff_key
from tradepost.areas.pricing.payment_method_setting import parse_payment_methods

if TYPE_CHECKING:
    from tradepost.app import TradepostApp
    from tradepost.settings import Settings

CASH = {"provider": "manual", "method": "cash_on_delivery"}
TRANSFER = {"provider": "manual", "method": "bank_transfer"}


@asynccontextmanager
async def app_with_cash_on_delivery(settings: "Settings", conditions: str = "") -> AsyncGenerator["TradepostApp"]:
    """Run an app that offers cash on delivery too, under these conditions."""
    from tradepost.app import create_app

    methods = parse_payment_methods(f"manual:bank_transfer,manual:cash_on_delivery{conditions}")
    app = create_app(msgspec.structs.replace(settings, payment_methods=methods))
    async with app.lifespan():
        yield app


def staff_client(app: "TradepostApp") -> httpx.AsyncClient:
    """Return a client with a new staff API key of an app."""
    return AppClient(app, headers={"X-API-Key": staff_key(app.state.database.url)})
