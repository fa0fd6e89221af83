"""The settings of payments."""

from typing import Literal

import msgspec

type Capture = Literal["at_once", "on_shipment", "manual"]


class PaymentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that payments depend on.

    capture: when the money of a payment is taken: with the payment, with the first shipment, or
        when staff say so.
    return_origins: the origins that a payer may be sent back to.
    allows_http: whether those may be without encryption.
    public_url: the base URL of this server, which names the shop at its providers.
    """

    capture: Capture = "at_once"
    return_origins: frozenset[str] = frozenset()
    allows_http: bool = False
    public_url: str = "http://127.0.0.1:8000"
