"""The app, except that creating a product called `Hang` never ends.

For a test that kills the process in the middle of that write.
"""

import asyncio
from pathlib import Path
from typing import Any

from tradepost.app import application as create_tradepost
from tradepost.areas.catalog.service import Products


def application() -> Any:
    """Create the app. The file `hanging` in the working directory marks the write in progress."""
    real = Products.add

    async def add(self: Products, new: Any) -> str:
        id = await real(self, new)
        if new.name == "Hang":
            await self.session.flush()
            await asyncio.to_thread(Path("hanging").touch)
            await asyncio.Event().wait()
        return id

    Products.add = add
    return create_tradepost()
