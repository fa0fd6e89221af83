"""A remote payment provider in memory, whose answers a test writes beforehand."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import NoReturn

import msgspec

from tests.factories import unique
from tradepost.areas.payments.providers.provider import (
    InvalidSignature,
    PaymentRequest,
    ProviderEvent,
    ProviderPayment,
    ProviderRefund,
    ProviderUnavailable,
    RefundStatus,
)


class ScriptedProvider:
    """Carries out refunds.

    next_status: the status of refunds that are made.
    faults: raised by the next calls, one each, before a refund is made.
    late_faults: the same, but after it is made.
    unreachable: the references of payments about which it cannot be asked.
    loses_answers: whether refunds are made, but their answers are lost.
    calls: the idempotency keys of all calls of `refund`. reads: how many payments were read.
    """

    name, is_remote, is_live = "scripted", True, False

    def __init__(self) -> None:
        self.next_status: RefundStatus = "succeeded"
        self.faults: list[Exception] = []
        self.late_faults: list[Exception] = []
        self.unreachable = set[str]()
        self.loses_answers = False
        self.calls: list[str] = []
        self.reads = 0
        self.refunds: dict[str, tuple[str, ProviderRefund]] = {}

    async def refund(
        self, reference: str, refund_id: str, amount: int, currency: str, reason: str | None, key: str
    ) -> ProviderRefund:
        """Make a refund, or return the one that was made with this key."""
        self.calls.append(key)
        if reference in self.unreachable:
            raise ProviderUnavailable
        if self.faults:
            raise self.faults.pop(0)
        if key not in self.refunds:
            self.refunds[key] = (reference, self.new_refund(amount, refund_id))
        if self.late_faults:
            raise self.late_faults.pop(0)
        if self.loses_answers:
            raise ProviderUnavailable
        return self.refunds[key][1]

    def new_refund(self, amount: int, refund_id: str | None = None) -> ProviderRefund:
        """Return a new refund with the next status; without our id it was made at other pages."""
        return ProviderRefund(reference=unique("re"), refund_id=refund_id, amount=amount, status=self.next_status)

    async def read(self, reference: str) -> ProviderPayment:
        """Return a payment with its refunds."""
        self.reads += 1
        refunds = tuple([refund for payment, refund in self.refunds.values() if payment == reference])
        return ProviderPayment(
            reference=reference, payment_id=None, status="captured", amount=0, currency="EUR", refunds=refunds
        )

    async def create(self, request: PaymentRequest, key: str) -> NoReturn:
        """Refuse: tests insert payments themselves."""
        raise NotImplementedError

    async def find(self, payment_id: str) -> NoReturn:
        """Refuse."""
        raise NotImplementedError

    async def capture(self, reference: str, amount: int, currency: str, key: str) -> NoReturn:
        """Refuse."""
        raise NotImplementedError

    async def void(self, reference: str, key: str) -> NoReturn:
        """Refuse."""
        raise NotImplementedError

    def event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent:
        """Refuse."""
        raise InvalidSignature

    async def payments_since(self, time: datetime) -> AsyncIterator[ProviderPayment]:
        """Yield nothing."""
        return
        yield


def with_status(refund: ProviderRefund, status: RefundStatus) -> ProviderRefund:
    """Return a refund with another status."""
    return msgspec.structs.replace(refund, status=status)
