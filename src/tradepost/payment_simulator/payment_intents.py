"""Payment intents: https://docs.stripe.com/payments/paymentintents/lifecycle."""

from . import charges
from .amounts import check_amount, check_currency
from .confirmation import (
    attempt,
    check_confirmable,
    check_return_url,
    chosen_method,
    find_intent,
    stored_method,
    succeed,
)
from .errors import ApiError, unexpected_state
from .ledger import Ledger
from .objects import new_payment_intent, without_private
from .parameters import Parameters
from .store import Object

CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CREATE = (
    "amount", "currency", "capture_method", "metadata", "automatic_payment_methods", "payment_method_types",
    "payment_method_options", "description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix",
    "shipping", "confirm", "payment_method", "payment_method_data", "return_url", "off_session", "expand",
    "confirmation_method", "customer", "setup_future_usage",
)  # fmt: skip


def create(tx: Ledger, parameters: Parameters) -> Object:
    """Create a payment intent, and confirm it if `confirm` is true."""
    parameters.only(*CREATE)
    amount, currency = parameters.required_integer("amount"), check_currency(parameters.required_text("currency"))
    is_confirmed = bool(parameters.boolean("confirm"))
    capture_method = parameters.text("capture_method", "automatic", "automatic_async", "manual")
    members = {
        "amount": amount,
        "currency": currency,
        "capture_method": capture_method or "automatic_async",
        "metadata": parameters.metadata(),
        **_payment_method_types(parameters, currency, capture_method),
        **{name: parameters.text(name) for name in ("description", "receipt_email", "customer", "setup_future_usage")},
        "_return_url": parameters.url("return_url"),
    }
    chosen = chosen_method(tx, parameters)
    check_amount(amount, currency)
    intent = new_payment_intent(tx, members)
    if is_confirmed:
        check_confirmable(intent, chosen)
        check_return_url(intent)
    tx.insert(intent)
    tx.emit("payment_intent.created", intent)
    if chosen is not None:
        intent |= {"payment_method": stored_method(tx, chosen)["id"], "status": "requires_confirmation"}
    return attempt(tx, intent) if is_confirmed else tx.save(intent)


def _payment_method_types(parameters: Parameters, currency: str, capture_method: str | None) -> Object:
    automatic = parameters.inner("automatic_payment_methods")
    types = parameters.texts("payment_method_types")
    if not automatic.values and types:
        return {"payment_method_types": types}
    enabled = automatic.boolean("enabled") is not False
    redirects = automatic.text("allow_redirects", "always", "never") or "always"
    may_debit = currency == "eur" and capture_method != "manual"
    return {
        "payment_method_types": ["card", "sepa_debit"] if may_debit else ["card"],
        "automatic_payment_methods": {"allow_redirects": redirects, "enabled": True} if enabled else None,
    }


def update(tx: Ledger, parameters: Parameters, intent_id: str) -> Object:
    """Change the metadata or description; an empty value removes a key."""
    parameters.only("metadata", "description", "receipt_email", "expand")
    intent = find_intent(tx, intent_id)
    removed = [name for name, value in parameters.inner("metadata").values.items() if value == ""]
    merged = intent["metadata"] | parameters.metadata()
    intent["metadata"] = {name: value for name, value in merged.items() if name not in removed}
    for name in ("description", "receipt_email"):
        intent[name] = parameters.text(name) or intent[name]
    return tx.save(intent)


def capture(tx: Ledger, parameters: Parameters, intent_id: str) -> Object:
    """Take the authorised money, or a part of it; the rest lapses."""
    parameters.only("amount_to_capture", "metadata", "final_capture", "statement_descriptor", "expand")
    amount = parameters.integer("amount_to_capture")
    intent = find_intent(tx, intent_id)
    if intent["status"] != "requires_capture":
        raise unexpected_state(_why_not_captured(intent), without_private(intent))
    amount = intent["amount_capturable"] if amount is None else amount
    if amount > intent["amount_capturable"]:
        message = f"The amount_to_capture is greater than the amount_capturable ({intent['amount_capturable']})."
        raise ApiError(message, code="amount_too_large", param="amount_to_capture")
    intent["metadata"] |= parameters.metadata()
    charges.capture(tx, tx.find(intent["latest_charge"]) or {}, amount)
    return succeed(tx, intent, amount)


def _why_not_captured(intent: Object) -> str:
    message = "This PaymentIntent could not be captured because it has"
    if intent["amount_received"]:
        return f"{message} already been captured."
    return (
        f"{message} a status of {intent['status']}. Only a PaymentIntent with one of the following statuses may be "
        "captured: requires_capture."
    )


def cancel(tx: Ledger, parameters: Parameters, intent_id: str) -> Object:
    """Cancel a payment intent that has not been paid; an authorisation is released."""
    parameters.only("cancellation_reason", "expand")
    reason = parameters.text("cancellation_reason", *REASONS)
    intent = find_intent(tx, intent_id)
    if intent["status"] not in CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {', '.join(CANCELABLE)}.",
            without_private(intent),
        )
    return end(tx, intent, reason)


def end(tx: Ledger, intent: Object, reason: str | None) -> Object:
    """Move to `canceled`."""
    if intent["status"] == "requires_capture":
        charges.release(tx, tx.find(intent["latest_charge"]) or {})
    intent |= {"status": "canceled", "canceled_at": int(tx.now), "cancellation_reason": reason}
    intent |= {"amount_capturable": 0, "next_action": None}
    tx.save(intent)
    tx.emit("payment_intent.canceled", intent)
    return intent


def lapse(tx: Ledger, intent_id: str) -> None:
    """Cancel an authorisation that was not captured in time."""
    intent = find_intent(tx, intent_id)
    if intent["status"] == "requires_capture":
        end(tx, intent, "automatic")
