"""`tradepost` with an event handler for `mail.test`, which sends an e-mail.

An e-mail to `slow@example.com` never ends, unless the file `hanging` exists; it creates that file.
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

LOAD_MODULES = app.load_modules


@deliver_event("mail.test")
async def write(context: CallContext, event: Event) -> None:
    """Send an e-mail."""
    if event.data["to"] == "slow@example.com" and not await asyncio.to_thread(Path("hanging").exists):
        await asyncio.to_thread(Path("hanging").touch)
        await asyncio.Event().wait()
    if event.data["to"] == "late@example.com":
        await asyncio.to_thread(Path("late").touch)
        await asyncio.sleep(1)
    email = Email(event.data["to"], "A test", f"Attempt {event.attempt} of {event.request_id}.\n")
    await context.dependencies.require(Mailer).send(email, event.id)


def _load(*files: str) -> Iterable[ModuleType]:
    """Return the modules of all areas, and this one as a service."""
    return [*LOAD_MODULES(*files), *([sys.modules[__name__]] if "service" in files else [])]


app.load_modules = _load


def application() -> app.TradepostApp:
    """Create the app."""
    return app.application()


if __name__ == "__main__":
    main()
