"""Creates payments with the provider `manual`."""

from sqlalchemy import func, select, text

from tradepost.areas.orders.resource import orders
from tradepost.areas.orders.service import (
    OrderRow,
    TimelineEntry,
    add_entries,
    await_bank_transfer,
    lock_order_for,
    open_amount,
    record_payment,
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
    Unauthenticated,
    Validation,
)
from tradepost.kit.query.records import Record
from tradepost.kit.quoting import quote
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import MAX_PAYMENTS, UNSETTLED, PaymentRow
from ..resource import payments, transitions
from ..schemas import Payment, PaymentInput
from .events import emit
from .instructions import bank_transfer_text
from .voiding import void

CASH_ON_DELIVERY = "cash_on_delivery"


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
        ),
        requires_idempotency_key=True,
        may_return_existing=True,
    )
    async def create(self, key: str, new: PaymentInput, selection: Selection[Payment]) -> Record[Payment]:
        """Pay an order by one of its `payment_methods`.

        An order has one open payment: the same choice again returns it, with status 200; another
        choice voids it. A bank transfer is open until staff capture it, cash on delivery is
        authorized at once.
        """
        order = await lock_order_for(self, key, policy.manage)
        amount = self._amount(order, new)
        self._check_offered(order, new)
        unsettled = await self._unsettled(order)
        choice = (new.provider, new.method, amount)
        if unsettled is not None and (unsettled.provider, unsettled.method, unsettled.amount_amount) == choice:
            self.context.work.returns_existing = True
            return await self.read_back(payments, selection, unsettled.id)
        if unsettled is not None:
            void(self.context, unsettled)
            await self.session.flush()
        payment = await self._insert(order, new, amount)
        return await self.read_back(payments, selection, payment.id)

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

    def _check_offered(self, order: OrderRow, new: PaymentInput) -> None:
        """Raise PaymentMethodNotOffered unless the order lists the choice and the shop has it."""
        offered = [(method["provider"], method["method"]) for method in order.payment_methods]
        methods = self.context.dependencies.require(PaymentMethods)
        if (new.provider, new.method) not in offered or not methods.has(new.provider, new.method):
            choice = f"{new.provider}:{new.method}" if new.method else new.provider
            detail = f"{quote(choice)} is not offered for this order."
            raise PaymentMethodNotOffered.at_pointer("/provider", detail, PaymentMethodNotOffered.code)

    async def _unsettled(self, order: OrderRow) -> PaymentRow | None:
        """Return the open payment of a locked order. Raise PaymentInProgress if it may succeed."""
        query = select(PaymentRow).where(PaymentRow.order_id == order.id, text(UNSETTLED)).with_for_update()
        payment = await self.session.scalar(query)
        if payment is not None and payment.status in ("processing", "unknown"):
            raise PaymentInProgress("The result of a payment of this order is not known yet.", payment_id=payment.id)
        return payment

    async def _insert(self, order: OrderRow, new: PaymentInput, amount: int) -> PaymentRow:
        """Insert the payment. Cash on delivery is authorized at once."""
        count = await self.session.scalar(select(func.count()).where(PaymentRow.order_id == order.id)) or 0
        if count >= MAX_PAYMENTS:
            raise Conflict(f"An order has at most {MAX_PAYMENTS} payments.")
        payment = PaymentRow(
            id=new_id(PaymentRow.__number__),
            order_id=order.id,
            provider=new.provider,
            method=new.method,
            currency=order.currency,
            amount_amount=amount,
            captured_amount=0,
            refunded_amount=0,
            status="created",
        )
        self.session.add(payment)
        emit(self.context, payment, "created")
        data = {"payment_id": payment.id, "provider": payment.provider, "method": payment.method}
        await add_entries(self.context, (order, TimelineEntry("payment_created", **data)))
        if payment.method == CASH_ON_DELIVERY:
            transitions.move(payment, "payment_authorize")
            emit(self.context, payment, "authorized")
            await record_payment(self.context, order, authorized=amount)
        else:
            payment.next_action_type, payment.next_action_text = "instructions", bank_transfer_text(order, amount)
            await_bank_transfer(self.context, order)
        await self.session.flush()
        return payment
