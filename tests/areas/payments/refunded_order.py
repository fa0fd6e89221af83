"""A paid order as a state machine: refunds beside all steps of a FulfilledOrder."""

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from hypothesis import strategies as st

from tests.areas.accounts.captured_mail import CapturedMail
from tests.areas.orders.checkout import post
from tests.areas.orders.fulfilled_order import INDEXES, OK, QUANTITIES, REFUSALS, FulfilledOrder
from tests.areas.orders.fulfilling import order_now, units
from tests.factories import Json
from tradepost.areas.payments.providers.provider import ProviderRefused, ProviderUnavailable
from tradepost.areas.payments.service import reconcile_payments

from .refunding import euros, payment_now, try_refund
from .scripted_payments import apply_all, worker
from .scripted_provider import ScriptedProvider, with_status

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

LATER = timedelta(hours=2)
"""How late the reconciler asks about whatever has no answer yet."""
FAULTS = {"refuses": ProviderRefused("declined", "The card was closed."), "silent": ProviderUnavailable()}
FIELDS = "id,amount{amount},shipping{amount},status,lines{order_line_id,quantity,amount{amount}},tax_lines,return_id"
REFUND_STEPS = st.one_of(
    st.tuples(st.just("refund_units"), QUANTITIES, st.sampled_from([None, 1])),
    st.tuples(st.just("refund_amount"), st.integers(1, 2000), st.none()),
    st.tuples(st.just("refund_rest"), st.just(0), st.none()),
    st.tuples(st.sampled_from(["refund_return", "refund_completion"]), INDEXES, st.none()),
    st.tuples(st.just("provider"), st.sampled_from(["succeeded", "pending", "failed", *FAULTS]), st.none()),
    st.tuples(st.just("provider_changes"), INDEXES, st.sampled_from([0, 1])),
    st.tuples(st.sampled_from(["work", "reconcile"]), st.just(0), st.none()),
)


class RefundedOrder:
    """A paid order. `provider`: the one that has its money, or None if it was a bank transfer."""

    def __init__(self, fulfilled: FulfilledOrder, payment: Json, provider: ScriptedProvider | None) -> None:
        self.fulfilled, self.payment, self.provider = fulfilled, payment, provider
        self.app: TradepostApp = fulfilled.app
        self.staff: httpx.AsyncClient = fulfilled.staff

    async def run(self, kind: str, value: Any, place: int | None) -> str:
        """Take one step, and return OK or the code of its problem."""
        match kind:
            case "refund_units":
                lines = {"lines": units(self.fulfilled.order, *value)} if any(value) else {}
                return await self.refund(**lines, shipping=place == 1)
            case "refund_amount":
                return await self.refund(amount=euros(value))
            case "refund_rest":
                return await self.refund()
            case "refund_return":
                returns = self.fulfilled.returns
                return await self.refund(return_id=returns[value]["id"]) if value < len(returns) else OK
            case "refund_completion":
                refunds = await self.refunds()
                if value >= len(refunds):
                    return OK
                return outcome(await post(self.staff, f"/v1/refunds/{refunds[value]['id']}/completion"))
            case "provider":
                self.script(value)
            case "provider_changes":
                await self.change(value, "succeeded" if place else "failed")
            case "work":
                await CapturedMail(self.app).collect("")
            case "reconcile":
                await reconcile_payments(worker(self.app, LATER))
            case _:
                return await self.fulfilled.run(kind, value, place)
        return OK

    async def refund(self, **members: Any) -> str:
        """Refund the payment."""
        return outcome(await try_refund(self.staff, self.payment, **members))

    def script(self, answer: str) -> None:
        """Decide what the provider answers from now on, or to the next call."""
        if self.provider is None:
            return
        if answer in FAULTS:
            self.provider.faults = [FAULTS[answer]]
        else:
            self.provider.next_status = answer  # type: ignore[assignment]

    async def change(self, index: int, status: str) -> None:
        """Change a refund at the provider, as the bank does: one that has failed stays so."""
        refunds = {} if self.provider is None else self.provider.refunds
        if index < len(refunds) and (key := list(refunds)[index]):
            reference, refund = refunds[key]
            if (refund.status, status) in {("pending", "succeeded"), ("pending", "failed"), ("succeeded", "failed")}:
                refunds[key] = (reference, with_status(refund, status))  # type: ignore[arg-type]
                await apply_all(self.app, self.payment, [refund for _, refund in refunds.values()])

    async def refunds(self) -> list[Json]:
        """Return the refunds of the payment, the oldest first."""
        params = {"fields": FIELDS, "sort": "created_at"}
        return (await self.staff.get(f"/v1/payments/{self.payment['id']}/refunds", params=params)).json()["data"]

    async def settle(self) -> None:
        """Let the provider answer all calls, and the worker make them."""
        if self.provider is not None:
            self.provider.faults, self.provider.next_status = [], "succeeded"
        await CapturedMail(self.app).collect("")
        await reconcile_payments(worker(self.app, LATER))

    async def check(self) -> None:
        """Check units, stock, and the amounts of the order and its payment against the refunds."""
        await self.fulfilled.check()
        order, payment = await order_now(self.staff, self.fulfilled.order), await payment_now(self.staff, self.payment)
        refunds = await self.refunds()
        active = [refund for refund in refunds if refund["status"] != "failed"]
        refunded = sum([refund["amount"]["amount"] for refund in active])
        captured = payment["captured"]["amount"]
        assert payment["refunded"]["amount"] == order["refunded"]["amount"] == refunded <= captured
        status = "captured" if not refunded else "refunded" if refunded == captured else "partially_refunded"
        assert payment["status"] == status
        assert order["payment_status"] == ("paid" if not refunded else status)
        check_parts(order, active)
        if len(active) == len(refunds):
            check_owed(order, active)

    async def check_ledger_of_provider(self) -> None:
        """Check that the provider has paid back what our refunds say."""
        ours = Counter[str]()
        for refund in await self.refunds():
            ours[refund["status"]] += refund["amount"]["amount"]
        if self.provider is not None:
            theirs = Counter[str]()
            for _, refund in self.provider.refunds.values():
                theirs[refund.status] += refund.amount
            assert ours["created"] == ours["unknown"] == 0
            assert (ours["succeeded"], ours["pending"]) == (theirs["succeeded"], theirs["pending"])


def check_parts(order: Json, active: list[Json]) -> None:
    """Check that units, shipping and tax of refunds are no more than those of the order."""
    quantities, amounts = Counter[str](), Counter[str]()
    for refund in active:
        for line in refund["lines"]:
            quantities[line["order_line_id"]] += line["quantity"]
            amounts[line["order_line_id"]] += line["amount"]["amount"]
        taxed = sum([part["taxable"]["amount"] + part["tax"]["amount"] for part in refund["tax_lines"]])
        assert taxed == refund["amount"]["amount"]
    for line in order["lines"]:
        assert quantities[line["id"]] <= line["quantity"]
        total, worth = line["total"]["amount"], line["total"]["amount"] * quantities[line["id"]] / line["quantity"]
        assert worth - len(active) <= amounts[line["id"]] <= min(total, worth + len(active))
    assert sum([refund["shipping"]["amount"] for refund in active]) <= order["shipping_total"]["amount"]


def check_owed(order: Json, active: list[Json]) -> None:
    """Check that nothing is kept of a cancelled order, or of cancelled units.

    That is so if no refund has failed: what one gives back is refunded again by staff.
    """
    captured, refunded = order["captured"]["amount"], order["refunded"]["amount"]
    if order["status"] == "cancelled":
        assert refunded == captured
    owed = order["grand_total"]["amount"] - order["cancelled_total"]["amount"]
    of_returns = sum([refund["amount"]["amount"] for refund in active if refund["return_id"]])
    assert refunded == captured or captured - (refunded - of_returns) <= owed


def outcome(answer: httpx.Response) -> str:
    """Return OK or the code of a problem that is expected."""
    if answer.status_code < 300:
        return OK
    assert answer.json()["code"] in REFUSALS, answer.text
    return answer.json()["code"]
