"""Confirming a payment intent: paying, 3-D Secure, declines, and delayed methods."""

from typing import Any

from . import charges
from .cards import Decline, PaymentMethod, method_of_number, method_of_token, restore
from .errors import ApiError, missing, unexpected_state
from .ledger import Ledger
from .objects import new_payment_method, payment_error, without_private
from .parameters import Parameters
from .store import Object

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
)
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


def confirm(tx: Ledger, parameters: Parameters, intent_id: str) -> Object:
    """Try to pay with a payment method."""
    parameters.only(*CONFIRM)
    intent = find_intent(tx, intent_id)
    chosen = chosen_method(tx, parameters)
    check_confirmable(intent, chosen)
    intent["_return_url"] = parameters.url("return_url") or intent["_return_url"]
    check_return_url(intent)
    if chosen is not None:
        intent["payment_method"] = stored_method(tx, chosen)["id"]
    return attempt(tx, intent)


def confirm_on_page(tx: Ledger, intent_id: str, method: PaymentMethod) -> Object:
    """Try to pay on the payment page, which needs no `return_url`."""
    intent = find_intent(tx, intent_id)
    check_confirmable(intent, method)
    intent["payment_method"] = stored_method(tx, method)["id"]
    return attempt(tx, intent)


def check_confirmable(intent: Object, chosen: PaymentMethod | Object | None) -> None:
    """Refuse to confirm if the status does not allow it or no payment method is known."""
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


def check_return_url(intent: Object) -> None:
    """Refuse to confirm if a payment method could redirect and there is no URL to return to."""
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


def chosen_method(tx: Ledger, parameters: Parameters) -> PaymentMethod | Object | None:
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


def stored_method(tx: Ledger, chosen: PaymentMethod | Object) -> Object:
    """Return the payment method, which is stored if it is new."""
    return tx.insert(new_payment_method(tx, chosen)) if isinstance(chosen, PaymentMethod) else chosen


def attempt(tx: Ledger, intent: Object) -> Object:
    """Try to pay with the payment method of the intent, or ask for 3-D Secure."""
    payment_method = tx.find(intent["payment_method"]) or {}
    method = restore(payment_method["_token"])
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
        method = restore(payment_method["_token"])
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
    decline = restore(charge["_token"]).decline
    charges.settle(tx, charge, decline)
    if decline is None:
        succeed(tx, intent, intent["amount"])
    else:
        _fail(tx, intent, payment_error(decline, payment_method, charge))
