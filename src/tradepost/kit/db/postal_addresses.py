"""The columns of a shipping and a billing address."""

from sqlalchemy.orm import Mapped, mapped_column

from .column_types import Json


class PostalAddressColumns:
    """Two addresses, for delivery and for the invoice. The columns of a missing one are null."""

    shipping_address_name: Mapped[str | None]
    shipping_address_company: Mapped[str | None]
    shipping_address_lines: Mapped[list[str] | None] = mapped_column(Json)
    shipping_address_city: Mapped[str | None]
    shipping_address_postcode: Mapped[str | None]
    shipping_address_region: Mapped[str | None]
    shipping_address_country: Mapped[str | None]
    shipping_address_phone: Mapped[str | None]
    billing_address_name: Mapped[str | None]
    billing_address_company: Mapped[str | None]
    billing_address_lines: Mapped[list[str] | None] = mapped_column(Json)
    billing_address_city: Mapped[str | None]
    billing_address_postcode: Mapped[str | None]
    billing_address_region: Mapped[str | None]
    billing_address_country: Mapped[str | None]
    billing_address_phone: Mapped[str | None]
