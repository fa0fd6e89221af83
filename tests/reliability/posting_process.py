"""`tradepost` with a function more, which writes what it is given to the mailer, and takes its time over letters to `slow@example.com`.

Where the file `hanging` is missing such a letter makes it and is never finished.
"""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from tradepost import app
from tradepost.cli import main
from tradepost.kit.worker.event_handlers import Event, deliver_event
from tradepost.kit.worker.mail import Email, Mailer
from tradepost.kit.writes.call_context import CallContext

ROOMS = app.load_modules


@deliver_event("mail.test")
async def write(context: CallContext, event: Event) -> None:
    """A letter."""
    if event.data["to"] == "slow@example.com" and not await asyncio.to_thread(Path("hanging").exists):
        await asyncio.to_thread(Path("hanging").touch)
        await asyncio.Event().wait()
    if event.data["to"] == "late@example.com":
        await asyncio.to_thread(Path("late").touch)
        await asyncio.sleep(1)
    await context.dependencies.require(Mailer).send(
        Email(event.data["to"], "A letter", f"Attempt {event.attempt} of {event.request_id}.\n"), event.id
    )


def _load(*files: str) -> Iterable[ModuleType]:
    """The files of all rooms, and this one among the services."""
    return [*ROOMS(*files), *([sys.modules[__name__]] if "service" in files else [])]


app.load_modules = _load  # type: ignore[assignment]


def application() -> app.TradepostApp:
    """The shop, served."""
    return app.application()


if __name__ == "__main__":
    main()
