"""Payment intents: https://docs.stripe.com/payments/paymentintents/lifecycle."""

from typing import Any

from . import charges
from .amounts import check_amount, check_currency
from .cards import DEBIT_FAILED, Decline, PaymentMethod, method_of_number, method_of_token, restore
from .errors import ApiError, missing, unexpected_state
from .ledger import Ledger
from .objects import new_payment_intent, new_payment_method, payment_error, without_private
from .parameters import Parameters
from .store import Object

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")
AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)
CREATE = (
    "amount", "currency", "capture_method", "metadata", "automatic_payment_methods", "payment_method_types",
    "payment_method_options", "description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix",
    "shipping", "confirm", "payment_method", "payment_method_data", "return_url", "off_session", "expand",
    "confirmation_method", "customer", "setup_future_usage",
)  # fmt: skip
CONFIRM = (
    "payment_method", "payment_method_data", "return_url", "off_session", "client_secret", "expand", "use_stripe_sdk",
    "receipt_email", "shipping", "payment_method_options", "setup_future_usage", "mandate_data",
)  # fmt: skip


def find_intent(tx: Ledger, intent_id: str) -> Object:
    """Return a payment intent, or raise the error that there is none."""
    intent = tx.find(intent_id, "payment_intent")
    if intent is None:
        raise missing("payment_intent", intent_id, "intent")
    return intent


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
        **_payment_method_types(parameters, currency),
        **{name: parameters.text(name) for name in ("description", "receipt_email", "customer", "setup_future_usage")},
        "_return_url": parameters.text("return_url"),
    }
    chosen = _chosen_method(tx, parameters)
    check_amount(amount, currency)
    intent = new_payment_intent(tx, members)
    if is_confirmed:
        _check_confirmable(intent, chosen)
        _check_return_url(intent)
    tx.insert(intent)
    tx.emit("payment_intent.created", intent)
    if chosen is not None:
        intent |= {"payment_method": _stored_method(tx, chosen)["id"], "status": "requires_confirmation"}
    return _confirm(tx, intent) if is_confirmed else tx.save(intent)


def _payment_method_types(parameters: Parameters, currency: str) -> Object:
    automatic = parameters.inner("automatic_payment_methods")
    types = parameters.texts("payment_method_types")
    if not automatic.values and types:
        return {"payment_method_types": types}
    enabled = automatic.boolean("enabled") is not False
    redirects = automatic.text("allow_redirects", "always", "never") or "always"
    return {
        "payment_method_types": ["card", "sepa_debit"] if currency == "eur" else ["card"],
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


def confirm(tx: Ledger, parameters: Parameters, intent_id: str) -> Object:
    """Try to pay with a payment method."""
    parameters.only(*CONFIRM)
    intent = find_intent(tx, intent_id)
    chosen = _chosen_method(tx, parameters)
    _check_confirmable(intent, chosen)
    intent["_return_url"] = parameters.text("return_url") or intent["_return_url"]
    _check_return_url(intent)
    if chosen is not None:
        intent["payment_method"] = _stored_method(tx, chosen)["id"]
    return _confirm(tx, intent)


def confirm_on_page(tx: Ledger, intent_id: str, method: PaymentMethod) -> Object:
    """Try to pay on the payment page, which needs no `return_url`."""
    intent = find_intent(tx, intent_id)
    _check_confirmable(intent, method)
    intent["payment_method"] = _stored_method(tx, method)["id"]
    return _confirm(tx, intent)


def _check_confirmable(intent: Object, chosen: Any) -> None:
    status = intent["status"]
    if status not in CONFIRMABLE:
        message = (
            f"You cannot confirm this PaymentIntent because it has already {status} after being previously confirmed."
        )
        if status != "succeeded":
            message = f"This PaymentIntent's status is {status}, but it must be one of {', '.join(CONFIRMABLE)}."
        raise unexpected_state(message, without_private(intent))
    if chosen is None and intent["payment_method"] is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. To confirm the PaymentIntent "
            f"with {intent['id']}, specify a payment method."
        )
        raise unexpected_state(message, without_private(intent))


def _check_return_url(intent: Object) -> None:
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] == "always" and intent["_return_url"] is None:
        raise ApiError(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of "
            "these payment methods might redirect your customer off of your page, you must provide a `return_url`. If "
            "you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to "
            "`true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
            "Payment Intents.",
            param="return_url",
        )


def _chosen_method(tx: Ledger, parameters: Parameters) -> PaymentMethod | Object | None:
    """Return the payment method of a request: a stored one, or the behaviour of a new one."""
    if "payment_method_data" in parameters:
        return method_of_data(parameters.inner("payment_method_data"))
    token = parameters.text("payment_method")
    if token is None:
        return None
    if method := method_of_token(token):
        return method
    stored = tx.find(token, "payment_method")
    if stored is None:
        raise ApiError(f"No such PaymentMethod: '{token}'", code="resource_missing", param="payment_method")
    return stored


def method_of_data(data: Parameters) -> PaymentMethod:
    """Return the behaviour of a card number or IBAN."""
    if data.text("type", "card", "sepa_debit") == "sepa_debit":
        return method_of_number(data.inner("sepa_debit").required_text("iban"))
    return method_of_number(data.inner("card").required_text("number"))


def _stored_method(tx: Ledger, chosen: PaymentMethod | Object) -> Object:
    return tx.insert(new_payment_method(tx, chosen)) if isinstance(chosen, PaymentMethod) else chosen


def _confirm(tx: Ledger, intent: Object) -> Object:
    payment_method = tx.find(intent["payment_method"]) or {}
    method = restore(payment_method["_token"], payment_method[payment_method["type"]]["last4"])
    if method.type not in intent["payment_method_types"]:
        message = f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent."
        raise ApiError(message, param="payment_method")
    intent |= {"last_payment_error": None, "next_action": None}
    if method.needs_authentication:
        url = f"{tx.base_url}/authenticate/{intent['client_secret']}"
        redirect = {"return_url": intent["_return_url"], "url": url}
        intent |= {"status": "requires_action", "next_action": {"type": "redirect_to_url", "redirect_to_url": redirect}}
        tx.save(intent)
        tx.emit("payment_intent.requires_action", intent)
        return intent
    return _pay(tx, intent, payment_method, method)


def authenticate(tx: Ledger, intent: Object, *, is_complete: bool) -> Object:
    """Finish 3-D Secure: pay, or fail and wait for another payment method."""
    if intent["status"] != "requires_action":
        raise unexpected_state("This PaymentIntent needs no authentication.", without_private(intent))
    payment_method = tx.find(intent["payment_method"]) or {}
    intent["next_action"] = None
    if is_complete:
        method = restore(payment_method["_token"], payment_method[payment_method["type"]]["last4"])
        return _pay(tx, intent, payment_method, method)
    return _fail(tx, intent, payment_error(AUTHENTICATION_FAILED, payment_method, None))


def _pay(tx: Ledger, intent: Object, payment_method: Object, method: PaymentMethod) -> Object:
    charge = charges.create(tx, intent, payment_method, method)
    intent["latest_charge"] = charge["id"]
    if method.is_delayed:
        intent |= {"status": "processing", "processing": {"type": method.type}}
        tx.save(intent)
        tx.emit("payment_intent.processing", intent)
        tx.schedule("settle", intent["id"], tx.settle_seconds)
        return intent
    if method.decline is not None:
        error = payment_error(method.decline, payment_method, charge)
        _fail(tx, intent, error)
        raise ApiError(**_card_error(error), payment_intent=without_private(intent))
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        tx.save(intent)
        tx.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    return succeed(tx, intent, intent["amount"])


def _card_error(error: Object) -> dict[str, Any]:
    members = {name: value for name, value in error.items() if name not in ("doc_url", "type")}
    return {**members, "status": 402, "type": "card_error"}


def succeed(tx: Ledger, intent: Object, amount: int) -> Object:
    """Note the money received."""
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0, "processing": None}
    tx.save(intent)
    tx.emit("payment_intent.succeeded", intent)
    return intent


def _fail(tx: Ledger, intent: Object, error: Object) -> Object:
    intent |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
    intent |= {"next_action": None, "processing": None}
    tx.save(intent)
    tx.emit("payment_intent.payment_failed", intent)
    return intent


def settle(tx: Ledger, intent_id: str) -> None:
    """Finish a payment with a delayed method."""
    intent = find_intent(tx, intent_id)
    if intent["status"] != "processing":
        return
    charge, payment_method = tx.find(intent["latest_charge"]) or {}, tx.find(intent["payment_method"]) or {}
    decline = restore(charge["_token"], "").decline
    charges.settle(tx, charge, decline)
    if decline is None:
        succeed(tx, intent, intent["amount"])
    else:
        _fail(tx, intent, payment_error(decline or DEBIT_FAILED, payment_method, charge))


def capture(tx: Ledger, parameters: Parameters, intent_id: str) -> Object:
    """Take the authorised money, or a part of it; the rest lapses."""
    parameters.only("amount_to_capture", "metadata", "final_capture", "statement_descriptor", "expand")
    amount = parameters.integer("amount_to_capture")
    intent = find_intent(tx, intent_id)
    if intent["status"] != "requires_capture":
        reason = (
            f"it has a status of {intent['status']}. Only a PaymentIntent with one of the following statuses may be "
        )
        reason = (
            "it has already been captured." if intent["amount_received"] else f"{reason}captured: requires_capture."
        )
        raise unexpected_state(f"This PaymentIntent could not be captured because {reason}", without_private(intent))
    amount = intent["amount_capturable"] if amount is None else amount
    if amount > intent["amount_capturable"]:
        message = (
            f"The amount_to_capture may not be greater than the amount_capturable ({intent['amount_capturable']})."
        )
        raise ApiError(message, code="amount_too_large", param="amount_to_capture")
    intent["metadata"] |= parameters.metadata()
    charges.capture(tx, tx.find(intent["latest_charge"]) or {}, amount)
    return succeed(tx, intent, amount)


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
