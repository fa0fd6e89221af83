"""Refunds: https://docs.stripe.com/refunds. Never more than was captured."""

from .amounts import check_step, money
from .cards import restore
from .confirmation import find_intent
from .errors import ApiError, invalid, missing
from .ledger import Ledger
from .objects import INQUIRY, new_refund
from .parameters import Parameters
from .store import Object

REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(tx: Ledger, parameters: Parameters) -> Object:
    """Refund a payment, or what is left of it."""
    parameters.only(
        "payment_intent", "charge", "amount", "metadata", "reason", "expand", "origin", "instructions_email"
    )
    amount, metadata = parameters.integer("amount"), parameters.metadata()
    reason = parameters.text("reason", *REASONS)
    charge = _charge(tx, parameters)
    _check_disputes(tx, charge)
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise ApiError(message, code="charge_already_refunded")
    amount = left if amount is None else amount
    if amount > left:
        asked, unrefunded = money(amount, charge["currency"]), money(left, charge["currency"])
        message = f"Refund amount ({asked}) is greater than unrefunded amount on charge ({unrefunded})"
        raise ApiError(message, param="amount")
    check_step(amount, charge["currency"])
    return start(tx, charge, amount, {"metadata": metadata, "reason": reason})


def _charge(tx: Ledger, parameters: Parameters) -> Object:
    if "charge" in parameters:
        charge = tx.find(parameters.required_text("charge"), "charge")
        if charge is None:
            raise missing("charge", parameters.required_text("charge"), "charge")
    elif "payment_intent" in parameters:
        intent = find_intent(tx, parameters.required_text("payment_intent"))
        charge = tx.find(intent["latest_charge"] or "")
        if charge is None or not charge["captured"]:
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund."
            raise ApiError(message, param="payment_intent")
    else:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    if not charge["captured"]:
        message = (
            f"This uncaptured Charge was created by a PaymentIntent ({charge['payment_intent']}). You must cancel the "
            "PaymentIntent to reverse the authorization instead of refunding the Charge directly."
        )
        raise ApiError(message, param="charge")
    return charge


def _check_disputes(tx: Ledger, charge: Object) -> None:
    dispute = tx.find(charge.get("_dispute", ""))
    if dispute is not None and dispute["status"] not in (*INQUIRY, "won"):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise ApiError(message, code="charge_disputed")


def start(tx: Ledger, charge: Object, amount: int, members: Object) -> Object:
    """Make a refund of a checked amount."""
    behaviour = restore(charge["_token"]).refund
    refund = new_refund(tx, charge, amount, members)
    if behaviour != "pending":
        refund["status"] = "succeeded"
    refund["balance_transaction"] = tx.book(refund, -amount, "refund")
    tx.insert(refund)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    tx.save(charge)
    tx.emit("refund.created", refund)
    tx.emit("charge.refunded", charge)
    if behaviour != "succeeded":
        tx.schedule("fail_refund" if behaviour == "failed" else "settle_refund", refund["id"], tx.settle_seconds)
    return refund


def update(tx: Ledger, parameters: Parameters, refund_id: str) -> Object:
    """Change the metadata."""
    parameters.only("metadata", "expand")
    refund = find_refund(tx, refund_id)
    refund["metadata"] |= parameters.metadata()
    return changed(tx, refund)


def find_refund(tx: Ledger, refund_id: str) -> Object:
    """Return a refund, or raise the error that there is none."""
    refund = tx.find(refund_id, "refund")
    if refund is None:
        raise missing("refund", refund_id, "refund")
    return refund


def changed(tx: Ledger, refund: Object) -> Object:
    """Store a refund and tell the endpoints of it."""
    tx.save(refund)
    tx.emit("refund.updated", refund)
    tx.emit("charge.refund.updated", refund)
    return refund


def settle(tx: Ledger, refund_id: str) -> None:
    """Let a pending refund succeed."""
    refund = find_refund(tx, refund_id)
    if refund["status"] == "pending":
        changed(tx, refund | {"status": "succeeded"})


def fail(tx: Ledger, refund_id: str, status: str = "failed", reason: str = "lost_or_stolen_card") -> Object:
    """Let a refund fail, also one that had succeeded: the money comes back."""
    refund = find_refund(tx, refund_id)
    if refund["status"] not in ("pending", "requires_action", "succeeded") or refund.get("_is_release"):
        raise invalid(f"The refund has the status {refund['status']}.")
    refund["status"] = status
    if status == "failed":
        refund["failure_reason"] = reason
    refund["failure_balance_transaction"] = tx.book(refund, refund["amount"], "refund_failure")
    charge = tx.find(refund["charge"]) or {}
    charge["amount_refunded"] -= refund["amount"]
    tx.save(charge | {"refunded": False})
    changed(tx, refund)
    if status == "failed":
        tx.emit("refund.failed", refund)
    return refund
