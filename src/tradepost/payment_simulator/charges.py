"""Charges: the attempts to take the money of a payment intent."""

from . import disputes
from .cards import Decline, PaymentMethod
from .ledger import Ledger
from .objects import CARD_CAPTURE_DAYS, DAY, new_charge, new_refund
from .store import Object

PENDING_OUTCOME = {
    "network_status": "approved_by_network",
    "reason": None,
    "risk_level": "normal",
    "type": "authorized",
}


def create(tx: Ledger, intent: Object, payment_method: Object, method: PaymentMethod) -> Object:
    """Charge a payment method: pending, failed, authorised or captured."""
    charge = tx.insert(new_charge(tx, intent, payment_method))
    if method.is_delayed:
        tx.emit("charge.pending", charge)
        return charge
    if intent["capture_method"] == "manual" and method.decline is None:
        capture_before = int(tx.now) + CARD_CAPTURE_DAYS * DAY
        charge["payment_method_details"]["card"]["capture_before"] = capture_before
        tx.schedule("lapse", intent["id"], CARD_CAPTURE_DAYS * DAY)
        return _succeed(tx, charge, 0)
    return settle(tx, charge, method.decline)


def settle(tx: Ledger, charge: Object, decline: Decline | None) -> Object:
    """Decide a charge whose money is taken at once."""
    if decline is None:
        return _succeed(tx, charge, charge["amount"])
    reason = decline.decline_code or decline.code
    outcome = {"network_status": "declined_by_network", "reason": reason, "risk_level": "normal"}
    charge |= {"status": "failed", "failure_code": decline.code, "failure_message": decline.message}
    charge["outcome"] = outcome | {"seller_message": decline.message, "type": "issuer_declined"}
    tx.save(charge)
    tx.emit("charge.failed", charge)
    return charge


def _succeed(tx: Ledger, charge: Object, captured: int) -> Object:
    outcome = PENDING_OUTCOME | {"seller_message": "Payment complete."}
    charge |= {"status": "succeeded", "paid": True, "outcome": outcome}
    if captured:
        charge |= {"captured": True, "amount_captured": captured}
        charge["balance_transaction"] = tx.book(charge, captured, "charge")
    tx.save(charge)
    tx.emit("charge.succeeded", charge)
    if captured:
        disputes.open_if_test_card(tx, charge)
    return charge


def capture(tx: Ledger, charge: Object, amount: int) -> None:
    """Capture an authorised charge. The rest is released, which Stripe shows as a refund."""
    charge |= {"captured": True, "amount_captured": amount}
    charge["balance_transaction"] = tx.book(charge, amount, "charge")
    _release(tx, charge, charge["amount"] - amount)
    tx.save(charge)
    tx.emit("charge.captured", charge)
    disputes.open_if_test_card(tx, charge)


def release(tx: Ledger, charge: Object) -> None:
    """Release an authorised charge, which Stripe shows as a refund of a charge not captured."""
    _release(tx, charge, charge["amount"])
    charge["refunded"] = True
    tx.save(charge)
    tx.emit("charge.refunded", charge)


def _release(tx: Ledger, charge: Object, amount: int) -> None:
    if amount:
        tx.insert(new_refund(tx, charge, amount, {"status": "succeeded", "_is_release": True}))
        charge["amount_refunded"] = amount
