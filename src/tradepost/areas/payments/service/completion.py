"""Reads a payment at its provider and applies it: the customer has come back from paying."""

from tradepost.areas.orders.service import lock_with_order
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import InvalidTransition, NotFound
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection
from tradepost.kit.writes.call_context import CallContext

from .. import policy
from ..models import PaymentRow
from ..providers.provider import PaymentProviders, ProviderPayment, ProviderRefused, ProviderUnavailable
from ..resource import payments
from ..schemas import Payment
from .application import apply
from .calls import Answer, Call, current_call, make_call, record_answer
from .locks import lock_payment


class Completion(Service):
    """Completes payments."""

    @operation(
        "payment_complete",
        "command",
        payments,
        access=policy.anyone,
        problems=(NotFound, InvalidTransition),
        transaction="manual",
    )
    async def complete(self, key: str, selection: Selection[Payment]) -> Record[Payment]:
        """Update a payment from its provider, when the customer comes back from paying.

        The answer has the payment's status, and `next_action` in full if there is more to do. It
        is safe to call it at any time; the shop is also notified by the provider itself.
        """
        provider, reference, call = await self.in_transaction(lambda: self._find(key))
        if call is not None:
            answer = await make_call(self.context, call)
        else:
            answer = await read_provider(self.context, provider, reference)
        return await self.in_last_transaction(lambda: self._finish(key, call, answer, selection))

    async def _find(self, key: str) -> tuple[str, str | None, Call | None]:
        """Return the provider and reference of a payment, and the call that has begun."""
        order, row = await lock_with_order(self, PaymentRow, payments, key)
        return row.provider, row.reference, current_call(order, row) if row.operation is not None else None

    async def _finish(
        self, key: str, call: Call | None, answer: Answer, selection: Selection[Payment]
    ) -> Record[Payment]:
        await answer_with(self.context, key, call, answer)
        return await self.read_back(payments, selection, key)


async def read_provider(context: CallContext, name: str, reference: str | None) -> ProviderPayment | None:
    """Return a payment as its provider has it, or None if that is not to be had now."""
    provider = context.dependencies.require(PaymentProviders).get(name)
    if provider is None or reference is None or not provider.is_remote:
        return None
    try:
        return await provider.read(reference)
    except (ProviderUnavailable, ProviderRefused):
        return None


async def answer_with(context: CallContext, payment_id: str, call: Call | None, answer: Answer) -> None:
    """Record an answer on a payment, and show its secret in the answer of this operation."""
    order, payment = await lock_payment(context, payment_id)
    if call is not None:
        await record_answer(context, order, payment, call, answer)
    elif isinstance(answer, ProviderPayment):
        await apply(context, order, payment, answer)
    if isinstance(answer, ProviderPayment) and answer.next_action is not None and payment.status == "requires_action":
        context.work.one_time_secret = answer.next_action.url or answer.next_action.secret
