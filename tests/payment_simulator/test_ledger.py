"""Whatever happens to payments, in whatever order, the amounts agree with each other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tradepost.payment_simulator import confirmation, disputes, payment_intents, refunds
from tradepost.payment_simulator.controls import FOR_EVER
from tradepost.payment_simulator.errors import ApiError
from tradepost.payment_simulator.ledger import Ledger, Options
from tradepost.payment_simulator.objects import without_private
from tradepost.payment_simulator.parameters import Parameters
from tradepost.payment_simulator.store import Store
from tradepost.payment_simulator.webhooks import run_timers

type Object = dict[str, Any]

AMOUNTS = st.integers(50, 400)
TOKENS = st.sampled_from(
    [
        "pm_card_visa",
        "pm_card_chargeDeclined",
        "pm_card_threeDSecureRequired",
        "pm_success_at",
        "pm_failed_at",
        "pm_card_pendingRefund",
        "pm_card_refundFail",
        "pm_card_createDispute",
    ]
)
GONE = ("failed", "canceled")
"""The statuses of refunds whose money has come back."""
WITHDRAWN = ("needs_response", "under_review", "lost")


class Payments(RuleBasedStateMachine):
    """Steps at the API, by the buyer, by the bank and by time."""

    intents = Bundle("intents")

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(Path(":memory:"))

    def teardown(self) -> None:
        """Close the store."""
        self.store.close()

    def change(self, work: Callable[[Ledger], Any]) -> Any:
        """Run a step; one that is refused, except a decline, changes nothing."""
        before = self.dump()
        with self.store.transaction() as tx:
            try:
                return work(Ledger(tx, Options()))
            except ApiError as error:
                refusal = error
        assert refusal.type == "card_error" or self.dump() == before, refusal.message
        return None

    def dump(self) -> list[Any]:
        """All objects."""
        return self.store.read("SELECT data FROM object WHERE kind <> 'payment_method' ORDER BY sequence")

    def select(self, kind: str) -> list[Object]:
        """The objects of a kind."""
        with self.store.transaction() as tx:
            return tx.select(kind)

    @rule(target=intents, amount=AMOUNTS, capture_method=st.sampled_from(["automatic", "manual"]))
    def create(self, amount: int, capture_method: str) -> str:
        values = {"amount": str(amount), "currency": "eur", "capture_method": capture_method}
        return self.change(lambda tx: payment_intents.create(tx, Parameters(values)))["id"]

    @rule(intent=intents, token=TOKENS)
    def confirm(self, intent: str, token: str) -> None:
        values = {"payment_method": token, "return_url": "https://shop.example/"}
        self.change(lambda tx: confirmation.confirm(tx, Parameters(values), intent))

    @rule(intent=intents, is_complete=st.booleans())
    def authenticate(self, intent: str, is_complete: bool) -> None:
        self.change(
            lambda tx: confirmation.authenticate(tx, confirmation.find_intent(tx, intent), is_complete=is_complete)
        )

    @rule(intent=intents, amount=st.none() | AMOUNTS)
    def capture(self, intent: str, amount: int | None) -> None:
        values = {} if amount is None else {"amount_to_capture": str(amount)}
        self.change(lambda tx: payment_intents.capture(tx, Parameters(values), intent))

    @rule(intent=intents)
    def cancel(self, intent: str) -> None:
        self.change(lambda tx: payment_intents.cancel(tx, Parameters({}), intent))

    @rule(intent=intents, amount=st.none() | st.integers(1, 200))
    def refund(self, intent: str, amount: int | None) -> None:
        values = {"payment_intent": intent} | ({} if amount is None else {"amount": str(amount)})
        self.change(lambda tx: refunds.create(tx, Parameters(values)))

    @rule(number=st.integers(0, 5), status=st.sampled_from(GONE))
    def fail_refund(self, number: int, status: str) -> None:
        made = self.select("refund")
        if made:
            self.change(lambda tx: refunds.fail(tx, made[number % len(made)]["id"], status))

    @rule(intent=intents, status=st.sampled_from(["needs_response", "warning_needs_response"]))
    def dispute(self, intent: str, status: str) -> None:
        charge = self.change(lambda tx: confirmation.find_intent(tx, intent))["latest_charge"] or "none"
        self.change(lambda tx: disputes.open_dispute(tx, charge, status=status))

    @rule(number=st.integers(0, 5), status=st.sampled_from(["won", "lost", "warning_closed"]))
    def close_dispute(self, number: int, status: str) -> None:
        opened = self.select("dispute")
        if opened:
            self.change(lambda tx: disputes.close(tx, opened[number % len(opened)]["id"], status))

    @rule(number=st.integers(0, 5))
    def respond_to_dispute(self, number: int) -> None:
        opened = self.select("dispute")
        if opened:
            self.change(lambda tx: disputes.respond(tx, opened[number % len(opened)]["id"]))

    @rule(actions=st.sampled_from([["settle", "settle_refund", "fail_refund", "dispute"], ["lapse"]]))
    def wait(self, actions: list[str]) -> None:
        self.change(lambda tx: run_timers(tx, FOR_EVER, actions))

    @invariant()
    def refunds_never_exceed_captures(self) -> None:
        charges = {charge["id"]: charge for charge in self.select("charge")}
        gone_back = dict.fromkeys(charges, 0)
        released = dict.fromkeys(charges, 0)
        for item in self.select("refund"):
            if item["status"] not in GONE:
                (released if item.get("_is_release") else gone_back)[item["charge"]] += item["amount"]
        for name, charge in charges.items():
            assert charge["amount_refunded"] == gone_back[name] + released[name] <= charge["amount"]
            assert gone_back[name] <= charge["amount_captured"]

    @invariant()
    def the_balance_is_what_came_less_what_went(self) -> None:
        balance = sum([entry["net"] for entry in self.select("balance_transaction")])
        received = sum([intent["amount_received"] for intent in self.select("payment_intent")])
        refunded = [r for r in self.select("refund") if r["status"] not in GONE and not r.get("_is_release")]
        disputed = [d for d in self.select("dispute") if d["status"] in WITHDRAWN]
        assert balance == received - sum([item["amount"] for item in (*refunded, *disputed)])

    @invariant()
    def a_closed_dispute_stays_closed(self) -> None:
        for event in self.select("event"):
            if event["type"] == "charge.dispute.closed":
                item = event["data"]["object"]
                assert [d["status"] for d in self.select("dispute") if d["id"] == item["id"]] == [item["status"]]

    @invariant()
    def the_status_fits_the_amounts(self) -> None:
        for intent in self.select("payment_intent"):
            assert (intent["amount_received"] > 0) == (intent["status"] == "succeeded")
            assert (intent["amount_capturable"] > 0) == (intent["status"] == "requires_capture")
            assert (intent["next_action"] is not None) == (intent["status"] == "requires_action")
            assert (intent["processing"] is not None) == (intent["status"] == "processing")

    @invariant()
    def the_newest_event_shows_each_object_as_it_is(self) -> None:
        newest: dict[str, Object] = {}
        for event in self.select("event"):
            newest.setdefault(event["data"]["object"]["id"], event["data"]["object"])
        for kind in ("payment_intent", "refund", "dispute"):
            for item in self.select(kind):
                if not item.get("_is_release"):
                    assert newest[item["id"]] == without_private(item)


Payments.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestPayments = Payments.TestCase
