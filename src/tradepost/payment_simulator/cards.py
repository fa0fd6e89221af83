"""Stripe's test cards and test payment methods: https://docs.stripe.com/testing.

A number only selects the behaviour. Nothing but brand and last four digits is stored.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from .errors import ApiError

DIGITS = re.compile(r"[0-9]{12,19}")
BRANDS = {"4": "visa", "5": "mastercard", "2": "mastercard", "3": "amex", "6": "discover"}


@dataclass(frozen=True)
class Decline:
    """Why a payment is declined."""

    code: str
    message: str
    decline_code: str | None = None


GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline")
NO_FUNDS = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
LOST = Decline("card_declined", "Your card was declined.", "lost_card")
STOLEN = Decline("card_declined", "Your card was declined.", "stolen_card")
EXPIRED = Decline("expired_card", "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline("processing_error", "An error occurred while processing your card. Try again in a little bit.")
DEBIT_FAILED = Decline(
    "payment_method_provider_decline", "The payment was declined by the bank.", "debit_not_authorized"
)
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, visit: https://docs.stripe.com/testing.",
    "test_mode_live_card",
)


@dataclass(frozen=True)
class PaymentMethod:
    """A test card or bank account, and how payments with it behave."""

    last4: str
    token: str
    label: str = ""
    """What the payment page says of it; it lists only those that have one."""
    number: str = field(default="", repr=False)
    brand: str = "visa"
    type: str = "card"
    decline: Decline | None = None
    needs_authentication: bool = False
    refund: str = "succeeded"
    """`pending` succeeds later; `failed` succeeds and fails later."""
    disputed: bool = False

    @property
    def grouped_number(self) -> str:
        """The number in groups of four, which no line break parts."""
        return "\N{NO-BREAK SPACE}".join(re.findall(".{1,4}", self.number))

    @property
    def is_delayed(self) -> bool:
        """Whether a payment is in `processing` first."""
        return self.type == "sepa_debit"

    def details(self) -> dict[str, Any]:
        """Return what is stored and shown of it, under the name of its type."""
        if self.type == "sepa_debit":
            return {"bank_code": None, "branch_code": None, "country": "AT", "fingerprint": None, "last4": self.last4}
        return {
            "brand": self.brand,
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": None,
            "funding": "credit",
            "last4": self.last4,
            "network": self.brand,
        }


def _card(number: str, token: str, label: str = "", **behaviour: Any) -> PaymentMethod:
    return PaymentMethod(number[-4:], token, label, number, BRANDS[number[0]], **behaviour)


def _account(iban: str, token: str, label: str, decline: Decline | None = None) -> PaymentMethod:
    return PaymentMethod(iban[-4:], token, label, iban, "", "sepa_debit", decline)


PAYMENT_METHODS = [
    _card("4242424242424242", "pm_card_visa", "succeeds"),
    _card("5555555555554444", "pm_card_mastercard"),
    _card("378282246310005", "pm_card_amex"),
    _card("4000000000000002", "pm_card_visa_chargeDeclined", "is declined", decline=GENERIC),
    _card(
        "4000000000009995",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "is declined: insufficient funds",
        decline=NO_FUNDS,
    ),
    _card("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", decline=LOST),
    _card("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", decline=STOLEN),
    _card("4000000000000069", "pm_card_chargeDeclinedExpiredCard", decline=EXPIRED),
    _card("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", decline=WRONG_CVC),
    _card("4000000000000119", "pm_card_chargeDeclinedProcessingError", decline=PROCESSING),
    _card("4000000000000341", "pm_card_chargeCustomerFail", decline=GENERIC),
    _card("4000000000003220", "pm_card_threeDSecure2Required", "asks for 3-D Secure", needs_authentication=True),
    _card("4000002500003155", "pm_card_authenticationRequired", needs_authentication=True),
    _card("4000002760003184", "pm_card_authenticationRequiredOnSetup", needs_authentication=True),
    _card("4000000000003063", "pm_card_threeDSecureRequired", needs_authentication=True),
    _card(
        "4000008400001629",
        "pm_card_threeDSecureRequiredChargeDeclined",
        "asks for 3-D Secure and is then declined",
        needs_authentication=True,
        decline=GENERIC,
    ),
    _card("4000000000000259", "pm_card_createDispute", disputed=True),
    _card("4000000000007726", "pm_card_pendingRefund", refund="pending"),
    _card("4000000000005126", "pm_card_refundFail", refund="failed"),
    _account("AT611904300234573201", "pm_success_at", "succeeds later (bank account)"),
    _account("AT861904300235473202", "pm_failed_at", "fails later (bank account)", DEBIT_FAILED),
]
BY_NUMBER = {method.number: method for method in PAYMENT_METHODS}
BY_TOKEN = {method.token: method for method in PAYMENT_METHODS} | {
    "pm_card_chargeDeclined": BY_NUMBER["4000000000000002"],
    "pm_card_chargeDeclinedInsufficientFunds": BY_NUMBER["4000000000009995"],
}
UNKNOWN_TOKEN = "pm_unknown_card"  # noqa: S105 - it is the name of a behaviour


def method_of_number(text: str) -> PaymentMethod:
    """Return the behaviour of a card number or IBAN. Numbers of real cards are declined.

    Raise ApiError if it cannot be a card number.
    """
    number = re.sub(r"[\s-]", "", text).upper()
    if method := BY_NUMBER.get(number):
        return method
    if DIGITS.fullmatch(number) is None or not _passes_luhn(number):
        raise ApiError(
            "Your card number is incorrect.", status=402, type="card_error", code="incorrect_number", param="number"
        )
    return _not_a_test_card(number)


def method_of_token(token: str) -> PaymentMethod | None:
    """Return the behaviour of a test payment method such as `pm_card_visa`."""
    return BY_TOKEN.get(token)


def restore(token: str) -> PaymentMethod:
    """Return the behaviour of a stored payment method."""
    return BY_TOKEN.get(token) or _not_a_test_card("4" * 16)


def _not_a_test_card(number: str) -> PaymentMethod:
    return PaymentMethod(number[-4:], UNKNOWN_TOKEN, brand=BRANDS.get(number[0], "unknown"), decline=NOT_A_TEST_CARD)


def _passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0
