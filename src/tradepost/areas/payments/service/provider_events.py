"""Webhooks of payment providers: each says that a payment has changed, which is then read there."""

import logging
from collections.abc import Mapping

import msgspec
from sqlalchemy import Select, select

from tradepost.areas.accounts.service import SYSTEM
from tradepost.kit.db.errors import LostRace
from tradepost.kit.ids import new_id, parse_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import ContentTooLarge, MalformedBody, NotFound, QuotaExceeded, Unavailable
from tradepost.kit.query.records import Record
from tradepost.kit.quoting import quote
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..event_limits import ProviderEventLimits
from ..models import PaymentEventRow, PaymentRow
from ..providers.provider import (
    InvalidSignature,
    PaymentProvider,
    PaymentProviders,
    ProviderEvent,
    ProviderPayment,
    ProviderRefused,
    ProviderUnavailable,
)
from ..resource import provider_event_receipts
from ..schemas import ProviderEventOutcome, ProviderEventReceipt
from .application import apply
from .errors import InvalidWebhookSignature
from .locks import lock_payment
from .settings import PaymentSettings

LOG = logging.getLogger("tradepost.payments")
MAX_EVENT_BYTES = 256 * 1024
APPLIED, REPEATED, IGNORED = ProviderEventOutcome


class _Found(msgspec.Struct, frozen=True):
    """The payment that an event is about, and its reference at the provider."""

    id: str
    reference: str


class ProviderEvents(Service):
    """Receives the events of payment providers."""

    @operation(
        "provider_event",
        "command",
        provider_event_receipts,
        access=policy.anyone,
        points=1,
        problems=(NotFound, MalformedBody, ContentTooLarge, InvalidWebhookSignature, QuotaExceeded, Unavailable),
        idempotent=False,
        transaction="manual",
        exclusive_to="rest",
        reason="Payment providers send their webhooks to a URL, with a signature of the body's bytes.",
    )
    async def receive(
        self, provider: str, body: bytes, headers: Mapping[str, str], selection: Selection[ProviderEventReceipt]
    ) -> Record[ProviderEventReceipt]:
        """Receive an event of a payment provider, whose signature is checked.

        It is sent by the provider itself. The payment that it is about is read at the provider and
        updated; of the event its type, status and amounts are stored. An event that was received
        before, or that is about no payment of this shop, changes nothing. If the provider cannot
        be read, or the payment is being changed, the response is 503 and the provider sends the
        event again.
        """
        sender = self._sender(provider)
        event = await self._verified(sender, body, headers)
        payment = await self._find(sender, event)
        if not isinstance(payment, _Found):
            return await self._answer(payment, selection)
        seen = await _read(sender, payment.reference)
        try:
            return await self.in_last_transaction(lambda: self._record(sender, payment.id, event, seen, selection))
        except LostRace:
            raise Unavailable("The payment is being changed. Send the event again.", retry_after=1) from None

    def _sender(self, name: str) -> PaymentProvider:
        """Return the provider of a path, or raise NotFound if it sends no events."""
        provider = self.context.dependencies.require(PaymentProviders).get(name)
        if provider is None or not provider.is_remote:
            raise NotFound(f"There is no payment provider {quote(name)} that sends events.")
        return provider

    async def _verified(self, sender: PaymentProvider, body: bytes, headers: Mapping[str, str]) -> ProviderEvent:
        """Return an event whose signature is valid, and count it for its provider."""
        try:
            event = sender.event(body, headers)
        except InvalidSignature as error:
            raise InvalidWebhookSignature(str(error)) from None
        except msgspec.DecodeError:
            raise MalformedBody("The body is signed, but it is no event.") from None
        limits = self.context.dependencies.get(ProviderEventLimits)
        if limits is not None:
            await limits.count(sender.name)
        return event

    async def _find(self, sender: PaymentProvider, event: ProviderEvent) -> _Found | ProviderEventOutcome:
        """Return the payment that an event is about, or why there is nothing to do.

        It is found by its reference, or by our id, which is stored before the provider is called.
        """
        shop = self.context.dependencies.require(PaymentSettings).public_url
        if event.shop not in (None, shop) or event.is_live != sender.is_live:
            return IGNORED
        async with self.context.open_session() as session:
            if await session.scalar(_stored(sender, event)) is not None:
                return REPEATED
            for query in _payments(sender, event):
                if (row := (await session.execute(query)).first()) is not None:
                    reference = row.reference or event.reference
                    # Another object at the provider may carry our id; it is not this payment.
                    is_same = event.reference in (None, reference)
                    return _Found(row.id, reference) if reference is not None and is_same else IGNORED
        return IGNORED

    async def _record(
        self,
        sender: PaymentProvider,
        payment_id: str,
        event: ProviderEvent,
        seen: ProviderPayment,
        selection: Selection[ProviderEventReceipt],
    ) -> Record[ProviderEventReceipt]:
        """Store an event and apply what its provider says of the payment.

        The change is made by the shop: who sends the request is not who pays.
        """
        context = msgspec.structs.replace(self.context, caller=SYSTEM)
        order, payment = await lock_payment(context, payment_id)
        if await context.session.scalar(_stored(sender, event)) is not None:
            return self._receipt(REPEATED, selection)
        context.session.add(_event_row(sender, payment_id, event))
        payment.declines += event.is_decline
        await apply(context, order, payment, seen)
        return self._receipt(APPLIED, selection)

    async def _answer(
        self, outcome: ProviderEventOutcome, selection: Selection[ProviderEventReceipt]
    ) -> Record[ProviderEventReceipt]:
        """Return the receipt of an event that changes nothing."""

        async def step() -> Record[ProviderEventReceipt]:
            return self._receipt(outcome, selection)

        return await self.in_last_transaction(step)

    def _receipt(
        self, outcome: ProviderEventOutcome, selection: Selection[ProviderEventReceipt]
    ) -> Record[ProviderEventReceipt]:
        return self.respond(provider_event_receipts, ProviderEventReceipt(outcome), selection)


async def _read(sender: PaymentProvider, reference: str) -> ProviderPayment:
    """Return a payment as its provider has it now, or raise Unavailable."""
    try:
        return await sender.read(reference)
    except (ProviderUnavailable, ProviderRefused) as error:
        LOG.warning("the payment of a webhook cannot be read at `%s`: %s", sender.name, type(error).__name__)
        raise Unavailable("The payment cannot be read now. Send the event again.", retry_after=60) from None


def _payments(sender: PaymentProvider, event: ProviderEvent) -> list[Select[str, str | None]]:
    """Return the queries that find the payment of an event, the best one first."""
    payments = select(PaymentRow.id, PaymentRow.reference).where(PaymentRow.provider == sender.name)
    queries: list[Select[str, str | None]] = []
    if event.reference is not None:
        queries.append(payments.where(PaymentRow.reference == event.reference))
    if event.payment_id is not None and (id := parse_id(event.payment_id)) is not None:
        queries.append(payments.where(PaymentRow.id == id))
    return queries


def _stored(sender: PaymentProvider, event: ProviderEvent) -> Select[str]:
    """Return the query that finds an event if it was received before."""
    row = PaymentEventRow
    return select(row.id).where(row.provider == sender.name, row.event_id == event.id)


def _event_row(sender: PaymentProvider, payment_id: str, event: ProviderEvent) -> PaymentEventRow:
    return PaymentEventRow(
        id=new_id(PaymentEventRow.__number__),
        provider=sender.name,
        event_id=event.id,
        type=event.type,
        payment_id=payment_id,
        happened_at=event.created_at,
        data=dict(event.data),
    )
