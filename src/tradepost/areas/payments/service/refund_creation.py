"""Refunds that staff make."""

from collections.abc import Mapping

from sqlalchemy import select

from tradepost.areas.orders.resource import returns
from tradepost.areas.orders.service import OrderRow, load_return_units, lock_with_order
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.service import Service
from tradepost.kit.problems import Conflict, InvalidTransition, Validation
from tradepost.kit.query.records import Record
from tradepost.kit.resource.selection import Selection

from .. import policy
from ..models import PaymentRow, RefundRow
from ..resource import payments, refunds
from ..schemas import Refund, RefundInput
from .refund_calls import RefundCall, begin_refund, call_provider, lock_refund, record_answer
from .refund_plans import load_refundable
from .refund_requests import requested_plan
from .refund_rows import check_count, insert_refund, take_step


class RefundCreation(Service):
    """Creates refunds."""

    @operation(
        "refund_create",
        "create",
        refunds,
        access=policy.manage,
        input=RefundInput,
        parent_relation=(payments, "refunds"),
        problems=(Conflict, InvalidTransition),
        requires_idempotency_key=True,
        transaction="manual",
    )
    async def create(self, key: str, new: RefundInput, selection: Selection[Refund]) -> Record[Refund]:
        """Refund a payment: an amount, units of the order's lines, the costs of shipping, or all.

        With the provider `manual` the refund records what staff have paid back. If another provider
        does not answer in time, the status is `unknown` until it does.
        """
        id, call = await self.in_transaction(lambda: self._intent(key, new))
        answer = None if call is None else await call_provider(self.context, call)

        async def record() -> Record[Refund]:
            if call is not None:
                await record_answer(self.context, id, answer)
            return await self.read_back(refunds, selection, id)

        return await self.in_last_transaction(record)

    async def _intent(self, key: str, new: RefundInput) -> tuple[str, RefundCall | None]:
        """Insert the refund, or find the one that was made with this key, and begin its call."""
        payment, refund = await self._find() or await self._create(key, new)
        self.context.idempotency.keep_claim()
        call = begin_refund(self.context, payment, refund)
        await self.session.flush()
        return refund.id, call

    async def _find(self) -> tuple[PaymentRow, RefundRow] | None:
        """Return the refund that an earlier request with this key has left, locked."""
        claim_id = self.context.idempotency.claim_id
        if claim_id is None:
            return None
        id = await self.session.scalar(select(RefundRow.id).where(RefundRow.claim_id == claim_id))
        if id is None:
            return None
        _, payment, refund = await lock_refund(self.context, id)
        return payment, refund

    async def _create(self, key: str, new: RefundInput) -> tuple[PaymentRow, RefundRow]:
        """Insert the refund. That of a payment with the provider `manual` succeeds at once."""
        order, payment = await self._lock(key)
        await check_count(self.context, payment)
        returned = await self._returned_units(order, new)
        plan = requested_plan(await load_refundable(self.context, order), payment, new, returned)
        columns = {
            "reason": new.reason,
            "return_id": None if new.return_id is None else str(new.return_id),
            "claim_id": self.context.idempotency.claim_id,
        }
        refund = await insert_refund(self.context, order, payment, plan, "staff", **columns)
        if refund is None:
            raise Conflict("The payment was refunded meanwhile.")
        if payment.provider == policy.MANUAL:
            await take_step(self.context, order, payment, refund, "refund_succeed")
        return payment, refund

    async def _lock(self, key: str) -> tuple[OrderRow, PaymentRow]:
        """Lock the payment and its order. Raise InvalidTransition if it cannot be refunded."""
        try:
            return await lock_with_order(self, PaymentRow, payments, key)
        except InvalidTransition:
            query = select(PaymentRow.status, PaymentRow.dispute_amount_amount).where(
                PaymentRow.id == payments.parse_id(key)
            )
            status, disputed = (await self.session.execute(query)).one()
            if disputed is not None:
                raise InvalidTransition("The payment is disputed, so it cannot be refunded.") from None
            raise InvalidTransition(f"A payment with the status `{status}` cannot be refunded.") from None

    async def _returned_units(self, order: OrderRow, new: RefundInput) -> Mapping[str, int] | None:
        """Return the units of the return that is given, or raise Validation if there is none."""
        if new.return_id is None:
            return None
        id, table = str(new.return_id), returns.table
        query = select(table.c.status).where(table.c.id == id, table.c.order_id == order.id)
        status = await self.session.scalar(query)
        if status is None:
            raise returns.reference_not_found("/return_id", id)
        if status not in ("requested", "received"):
            raise Validation.at_pointer("/return_id", f"The return is {status}.", "not_allowed")
        return await load_return_units(self.context, id)
