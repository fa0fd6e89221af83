"""The settings of orders."""

from datetime import UTC, timedelta, tzinfo

import msgspec


class OrderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that orders depend on.

    open_orders: pending orders without payment per user and per e-mail address; 0: no limit.
    open_orders_per_client: the same per client address.
    number_start: the number of the first order.
    payment_period, bank_transfer_period: how long an order waits for its payment.
    delivered_after: how long after its shipment a fulfilment counts as delivered.
    client_key: the key of the hashes of client addresses.
    timezone: that of the times in e-mails.
    storefront_url: the base of links in e-mails; None: the pages of this server.
    public_url: the base URL of this server.
    """

    open_orders: int = 3
    open_orders_per_client: int = 20
    number_start: int = 1001
    payment_period: timedelta = timedelta(minutes=60)
    bank_transfer_period: timedelta = timedelta(days=7)
    delivered_after: timedelta = timedelta(days=14)
    client_key: bytes = b""
    timezone: tzinfo = UTC
    storefront_url: str | None = None
    public_url: str = "http://127.0.0.1:8000"
