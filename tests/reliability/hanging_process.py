"""The shop, except that a new product called `Hang` is never finished: for a test that ends the process in the middle of that write."""

import asyncio
from pathlib import Path
from typing import Any

from tradepost.app import application as shop
from tradepost.areas.catalog.service import Products


def application() -> Any:
    """The shop of the environment's settings; the file `hanging` in the working folder tells how far it has come."""
    real = Products.make

    async def make(self: Products, new: Any) -> Any:
        row = await real(self, new)
        if new.name == "Hang":
            await self.session.flush()
            await asyncio.to_thread(Path("hanging").touch)
            await asyncio.Event().wait()
        return row

    Products.make = make  # type: ignore[method-assign]
    return shop()
