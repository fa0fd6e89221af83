"""New objects of the API, with the members that Stripe's OpenAPI description requires."""

import secrets
from typing import Any

from .cards import Decline, PaymentMethod
from .errors import DOCUMENTATION
from .store import Object, Transaction

API_VERSION = "2026-10-28.endive"
CARD_CAPTURE_DAYS = 7
DAY = 86_400
INQUIRY = ("warning_needs_response", "warning_under_review", "warning_closed")
"""The statuses of disputes that have not withdrawn the money."""
INTENT_NULLS = (
    "application", "application_fee_amount", "canceled_at", "cancellation_reason", "customer", "customer_account",
    "description", "excluded_payment_method_types", "last_payment_error", "latest_charge", "next_action",
    "on_behalf_of", "payment_method", "payment_method_configuration_details", "processing", "receipt_email", "review",
    "setup_future_usage", "shipping", "source", "statement_descriptor", "statement_descriptor_suffix", "transfer_data",
    "transfer_group",
)  # fmt: skip
CHARGE_NULLS = (
    "application", "application_fee", "application_fee_amount", "balance_transaction",
    "calculated_statement_descriptor", "customer", "failure_balance_transaction", "failure_code", "failure_message",
    "on_behalf_of", "receipt_email", "receipt_number", "receipt_url", "review", "shipping", "source",
    "source_transfer", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
)  # fmt: skip


def new_id(prefix: str, length: int = 24) -> str:
    """Return an unguessable id."""
    return f"{prefix}_{secrets.token_hex(length // 2)}"


def without_private(value: Any) -> Any:
    """Return an object without the members that are ours."""
    if isinstance(value, dict):
        return {name: without_private(item) for name, item in value.items() if not name.startswith("_")}
    return [without_private(item) for item in value] if isinstance(value, list) else value


def _base(kind: str, prefix: str, tx: Transaction) -> Object:
    return {"id": new_id(prefix), "object": kind, "created": int(tx.now), "livemode": False}


def new_payment_intent(tx: Transaction, members: Object) -> Object:
    """Return a payment intent without a payment method."""
    base = _base("payment_intent", "pi", tx)
    nothing = dict.fromkeys(INTENT_NULLS)
    return {
        **nothing,
        **base,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": None,
        "client_secret": f"{base['id']}_secret_{secrets.token_hex(16)}",
        "confirmation_method": "automatic",
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        **members,
    }


def new_payment_method(tx: Transaction, method: PaymentMethod) -> Object:
    """Return a payment method. It holds the last four digits of the number only."""
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        **_base("payment_method", "pm", tx),
        "allow_redisplay": "unspecified",
        "billing_details": {"address": address, "email": None, "name": None, "phone": None, "tax_id": None},
        "customer": None,
        "metadata": {},
        "type": method.type,
        method.type: method.details(),
        "_token": method.token,
    }


def new_charge(tx: Transaction, intent: Object, payment_method: Object) -> Object:
    """Return a charge that has not been decided."""
    nothing = dict.fromkeys(CHARGE_NULLS)
    kind = payment_method["type"]
    return {
        **nothing,
        **_base("charge", "ch", tx),
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": payment_method["billing_details"],
        "captured": False,
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "metadata": intent["metadata"],
        "outcome": None,
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": payment_method["id"],
        "payment_method_details": {"type": kind, kind: dict(payment_method[kind])},
        "refunded": False,
        "status": "pending",
        "_token": payment_method["_token"],
    }


def new_refund(tx: Transaction, charge: Object, amount: int, members: Object) -> Object:
    """Return a refund of a charge, in `pending`."""
    base = _base("refund", "re", tx)
    del base["livemode"]
    return {
        **base,
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending",
        "transfer_reversal": None,
        **members,
    }


def new_dispute(tx: Transaction, charge: Object, amount: int, reason: str, status: str) -> Object:
    """Return a dispute of a charge."""
    card, case = charge["payment_method_details"].get("card", {}), "inquiry" if status in INQUIRY else "chargeback"
    return {
        **_base("dispute", "du", tx),
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {},
        "evidence_details": {
            "due_by": int(tx.now) + 9 * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": status in INQUIRY,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {"card": {"brand": card.get("brand"), "case_type": case}, "type": "card"},
        "reason": reason,
        "status": status,
    }


def new_balance_transaction(tx: Transaction, source: Object, amount: int, kind: str) -> Object:
    """Return an entry of the ledger: positive for money received."""
    base = _base("balance_transaction", "txn", tx)
    del base["livemode"]
    return {
        **base,
        "amount": amount,
        "available_on": int(tx.now) + 2 * DAY,
        "balance_type": "payments",
        "currency": source["currency"],
        "description": None,
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": amount,
        "reporting_category": {"adjustment": "dispute", "refund_failure": "refund_failure"}.get(kind, kind),
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }


def new_event(tx: Transaction, event_type: str, item: Object) -> Object:
    """Return an event with the object as it is now."""
    return {
        **_base("event", "evt", tx),
        "api_version": API_VERSION,
        "data": {"object": without_private(item)},
        "pending_webhooks": 0,
        "request": tx.request,
        "type": event_type,
    }


def payment_error(decline: Decline, payment_method: Object, charge: Object | None) -> Object:
    """Return the `last_payment_error` of a declined payment."""
    members: Object = {
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": DOCUMENTATION + decline.code.replace("_", "-"),
        "message": decline.message,
        "payment_method": without_private(payment_method),
        "type": "card_error" if payment_method["type"] == "card" else "invalid_request_error",
        "charge": charge and charge["id"],
    }
    return {name: value for name, value in members.items() if value is not None}
