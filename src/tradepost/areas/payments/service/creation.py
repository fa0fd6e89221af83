"""Creates payments: an intent in one transaction, the provider, and its answer in another."""

import msgspec
from sqlalchemy import func, select, text

from tradepost.areas.orders.resource import orders
from tradepost.areas.orders.service import (
    OrderRow,
    TimelineEntry,
    add_entries,
    await_bank_transfer,
    client_hash,
    lock_order_for,
    open_amount,
)
from tradepost.areas.pricing.service import PaymentMethods
from tradepost.kit.ids import new_id
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import (
    Conflict,
    CurrencyNotSold,
    Forbidden,
    InvalidTransition,
    PaymentInProgress,
    PaymentMethodNotOffered,
    QuotaExceeded,
    Unauthenticated,
    Validation,
)
from tradepost.kit.query.records import Record
from tradepost.kit.quoting import quote
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import MAX_PAYMENTS, UNSETTLED, PaymentRow
from ..providers.provider import PaymentProvider, PaymentProviders, ProviderPayment
from ..resource import payments
from ..schemas import Payment, PaymentInput
from .application import apply, void
from .calls import Answer, Call, begin_call, carry_out, current_call, in_progress, make_call, payment_request
from .completion import answer_with, read_provider
from .declines import check_declines
from .events import emit
from .return_urls import check_return_url
from .settings import PaymentSettings


class _Prepared(msgspec.Struct, frozen=True):
    """What the first transaction of a call has earlier or made.

    call: the call to a provider that it has begun.
    existing: whether the payment existed before.
    """

    payment_id: str
    provider: str
    reference: str | None = None
    call: Call | None = None
    existing: bool = False


class PaymentCreation(Service):
    """Creates payments."""

    @operation(
        "payment_create",
        "create",
        payments,
        access=policy.anyone,
        input=PaymentInput,
        parent_relation=(orders, "payments"),
        problems=(
            Unauthenticated,
            Forbidden,
            Conflict,
            CurrencyNotSold,
            InvalidTransition,
            PaymentInProgress,
            PaymentMethodNotOffered,
            QuotaExceeded,
        ),
        requires_idempotency_key=True,
        may_return_existing=True,
        transaction="manual",
    )
    async def create(self, key: str, new: PaymentInput, selection: Selection[Payment]) -> Record[Payment]:
        """Pay an order by one of its `payment_methods`.

        An order has one open payment: the same choice again returns it, with status 200; another
        choice voids it. A bank transfer is open until staff capture it, cash on delivery is
        authorized at once. At other providers the customer continues with `next_action`, which
        only this answer and that of `payment_complete` hold in full.

        If the provider does not answer in time, the payment is `unknown`: read it until that
        changes. An order can be declined ten times.
        """
        check_return_url(self.context, new.return_url)
        prepared = await self.in_transaction(lambda: self._prepare(key, new))
        while prepared.call is not None and prepared.call.operation == "void":
            await carry_out(self.context, self.in_transaction, prepared.call)
            prepared = await self.in_transaction(lambda: self._prepare(key, new))
        if prepared.call is not None:
            answer = await make_call(self.context, prepared.call)
        else:
            answer = await read_provider(self.context, prepared.provider, prepared.reference)
        return await self.in_last_transaction(lambda: self._finish(prepared, answer, selection))

    async def _prepare(self, key: str, new: PaymentInput) -> _Prepared:
        """Find or insert the payment, and begin its call; or begin to void another open one."""
        if (resumed := await self._resumed()) is not None:
            return resumed
        order = await lock_order_for(self, key, policy.manage)
        amount = self._amount(order, new)
        provider = self._offered(order, new)
        await check_declines(self.context, order)
        unsettled = await self._unsettled(order)
        choice = (new.provider, new.method, amount)
        if unsettled is None:
            return await self._insert(order, provider, new, amount)
        if (unsettled.provider, unsettled.method, unsettled.amount_amount) == choice:
            return _Prepared(unsettled.id, unsettled.provider, unsettled.reference, existing=True)
        if unsettled.provider != policy.MANUAL:
            call = begin_call(self.context, order, unsettled, "void")
            return _Prepared(unsettled.id, unsettled.provider, call=call)
        await void(self.context, order, unsettled)
        return await self._insert(order, provider, new, amount)

    async def _resumed(self) -> _Prepared | None:
        """Return the payment that an earlier request with this idempotency key has inserted."""
        claim_id = self.context.idempotency.claim_id
        if claim_id is None:
            return None
        earlier = await self.session.scalar(select(PaymentRow).where(PaymentRow.create_claim_id == claim_id))
        if earlier is None:
            return None
        self.context.idempotency.keep_claim()
        order = await self.session.get_one(OrderRow, earlier.order_id)
        call = current_call(order, earlier) if earlier.operation == "create" else None
        return _Prepared(earlier.id, earlier.provider, earlier.reference, call)

    async def _finish(self, prepared: _Prepared, answer: Answer, selection: Selection[Payment]) -> Record[Payment]:
        """Record the provider's answer."""
        self.context.work.returns_existing = prepared.existing
        await answer_with(self.context, prepared.payment_id, prepared.call, answer)
        return await self.read_back(payments, selection, prepared.payment_id)

    def _amount(self, order: OrderRow, new: PaymentInput) -> int:
        """Return the amount to pay: what is open, or what staff give."""
        still_open = open_amount(order)
        if new.amount is None:
            return still_open
        if not policy.manage.allows(self.context.caller.permissions):
            raise policy.manage.problem(self.context.caller.is_authenticated)
        if new.amount.currency != order.currency:
            detail = f"The order is in {order.currency}, not in {new.amount.currency}."
            raise CurrencyNotSold.at_pointer("/amount/currency", detail, CurrencyNotSold.code)
        if not 1 <= new.amount.amount <= still_open:
            detail = f"From 1 to {still_open} minor units can be paid."
            raise Validation.at_pointer("/amount/amount", detail, "out_of_range")
        return new.amount.amount

    def _offered(self, order: OrderRow, new: PaymentInput) -> PaymentProvider:
        """Return the provider, or raise PaymentMethodNotOffered.

        The order must list the choice, and the shop must still have it.
        """
        offered = [(method["provider"], method["method"]) for method in order.payment_methods]
        methods = self.context.dependencies.require(PaymentMethods)
        provider = self.context.dependencies.require(PaymentProviders).get(new.provider)
        if (new.provider, new.method) in offered and methods.has(new.provider, new.method) and provider is not None:
            return provider
        choice = f"{new.provider}:{new.method}" if new.method else new.provider
        detail = f"{quote(choice)} is not offered for this order."
        raise PaymentMethodNotOffered.at_pointer("/provider", detail, PaymentMethodNotOffered.code)

    async def _unsettled(self, order: OrderRow) -> PaymentRow | None:
        """Return the open payment of a locked order. Raise PaymentInProgress if it may succeed."""
        query = select(PaymentRow).where(PaymentRow.order_id == order.id, text(UNSETTLED)).with_for_update()
        payment = await self.session.scalar(query)
        if payment is not None and (payment.status in ("processing", "unknown") or payment.operation is not None):
            raise in_progress(payment)
        return payment

    async def _insert(self, order: OrderRow, provider: PaymentProvider, new: PaymentInput, amount: int) -> _Prepared:
        """Insert the payment and begin its call. A provider without a network answers at once."""
        count = await self.session.scalar(select(func.count()).where(PaymentRow.order_id == order.id)) or 0
        if count >= MAX_PAYMENTS:
            raise Conflict(f"An order has at most {MAX_PAYMENTS} payments.")
        payment = self._new_row(order, new, amount)
        self.session.add(payment)
        emit(self.context, payment, "created")
        data = {"payment_id": payment.id, "provider": payment.provider, "method": payment.method}
        await add_entries(self.context, (order, TimelineEntry("payment_created", **data)))
        self.context.idempotency.keep_claim()
        if provider.is_remote:
            call = begin_call(self.context, order, payment, "create")
            await self.session.flush()
            return _Prepared(payment.id, payment.provider, call=call)
        await self.session.flush()
        await self._record_local(order, payment, await provider.create(payment_request(order, payment), payment.id))
        return _Prepared(payment.id, payment.provider)

    async def _record_local(self, order: OrderRow, payment: PaymentRow, answer: ProviderPayment) -> None:
        """Record the answer of a provider without a network: the money is expected, or certain."""
        if answer.status != "created":
            await apply(self.context, order, payment, answer)
            return
        if answer.next_action is not None:
            payment.next_action_type, payment.next_action_text = answer.next_action.type, answer.next_action.text
        await_bank_transfer(self.context, order)
        await self.session.flush()

    def _new_row(self, order: OrderRow, new: PaymentInput, amount: int) -> PaymentRow:
        settings = self.context.dependencies.require(PaymentSettings)
        return PaymentRow(
            id=new_id(PaymentRow.__number__),
            order_id=order.id,
            provider=new.provider,
            method=new.method,
            captures_at_once=settings.capture == "at_once",
            return_url=new.return_url,
            currency=order.currency,
            amount_amount=amount,
            authorized_amount=0,
            captured_amount=0,
            refunded_amount=0,
            declines=0,
            is_expiring=False,
            status="created",
            create_claim_id=self.context.idempotency.claim_id,
            client_hash=client_hash(self.context),
        )
