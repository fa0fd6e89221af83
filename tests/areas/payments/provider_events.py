"""Events of the provider in memory, sent to an app as webhooks."""

from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from tests.areas.payments.provider_in_memory import WEBHOOK_SIGNATURE
from tests.factories import Json, unique
from tradepost.areas.payments.models import PaymentEventRow
from tradepost.areas.payments.providers.provider import ProviderEvent
from tradepost.kit.clock import now

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

PATH = "/v1/providers/memory/events"
SIGNED = {"x-signature": WEBHOOK_SIGNATURE}


def event_of(payment: Json, **members: Any) -> ProviderEvent:
    """Return an event about a payment."""
    values: dict[str, Any] = {
        "id": unique("evt"),
        "type": "payment.changed",
        "reference": f"ref-{payment['id']}",
        "payment_id": payment["id"],
        "shop": None,
        "is_live": False,
        "created_at": now(),
        "data": {"object": "payment"},
    }
    return ProviderEvent(**values | members)


async def send(client: httpx.AsyncClient, event: ProviderEvent, path: str = PATH, **headers: str) -> httpx.Response:
    """Send an event as its provider does."""
    return await client.post(path, content=msgspec.json.encode(event), headers=SIGNED | headers)


async def outcome_of(client: httpx.AsyncClient, event: ProviderEvent) -> str:
    """Send an event, and return its outcome."""
    answer = await send(client, event)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["outcome"]
    return answer.json()["outcome"]


async def stored_events(app: "TradepostApp", payment: Json) -> list[PaymentEventRow]:
    """Return the stored events of a payment, in the order in which they came."""
    from sqlalchemy import select

    async with app.state.database.session_factory() as session:
        query = select(PaymentEventRow).where(PaymentEventRow.payment_id == payment["id"])
        return list((await session.scalars(query.order_by(PaymentEventRow.id))).all())
