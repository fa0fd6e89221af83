"""Tables of inventory.

`on_hand` and `reserved` of a level are always the sums of the deltas of its movements.
"""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tradepost.kit.db.base import Table, Versioned
from tradepost.kit.db.column_types import Id, SortText


class StockLocationRow(Versioned):
    """A place where goods are stored. Stock is taken from locations in order of priority."""

    __tablename__, __number__ = "stock_location", 22
    __table_args__ = (
        UniqueConstraint("code", name="stock_location_code_key"),
        Index("stock_location_priority", "priority", "id"),
        Index("stock_location_name", "name", "id"),
        Index("stock_location_created", "created_at", "id"),
    )
    code: Mapped[str]
    name: Mapped[str] = mapped_column(SortText)
    priority: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)


class StockLevelRow(Versioned):
    """The stock of a variant at a location. A missing row means that there is none.

    `backorder` is the variant's `allow_backorder`, so that the CHECK can depend on it.
    """

    __tablename__, __number__ = "stock_level", 23
    __table_args__ = (
        UniqueConstraint("variant_id", "location_id", name="stock_level_location_key"),
        CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND (backorder OR reserved <= on_hand)", name="stock_level_reserved_check"
        ),
        Index("stock_level_location", "location_id", "created_at", "id"),
        Index("stock_level_available", text("(on_hand - reserved)"), "id"),
        Index("stock_level_created", "created_at", "id"),
    )
    variant_id: Mapped[str] = mapped_column(Id, ForeignKey("variant.id", ondelete="CASCADE"))
    location_id: Mapped[str] = mapped_column(Id, ForeignKey("stock_location.id"))
    on_hand: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved: Mapped[int] = mapped_column(BigInteger, default=0)
    backorder: Mapped[bool] = mapped_column(default=False)


class StockMovementRow(Table):
    """A change of a stock level. Rows are only added, never changed.

    `reference` is the id of the step that made it (an order, a cancellation, a count), or `import`.
    """

    __tablename__, __number__ = "stock_movement", 24
    __table_args__ = (
        UniqueConstraint("variant_id", "location_id", "reference", "kind", name="stock_movement_reference_key"),
        CheckConstraint(
            "kind IN ('receive', 'adjust', 'transfer', 'reserve', 'release', 'ship', 'return')",
            name="stock_movement_kind_check",
        ),
        Index("stock_movement_variant", "variant_id", "created_at", "id"),
        Index("stock_movement_location", "location_id"),
    )
    variant_id: Mapped[str] = mapped_column(Id, ForeignKey("variant.id", ondelete="CASCADE"))
    location_id: Mapped[str] = mapped_column(Id, ForeignKey("stock_location.id"))
    kind: Mapped[str]
    on_hand_delta: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_delta: Mapped[int] = mapped_column(BigInteger, default=0)
    reason: Mapped[str | None]
    actor_id: Mapped[str | None] = mapped_column(Id)
    reference: Mapped[str]


class StockReservationRow(Versioned):
    """The units of an order line that are reserved at a location, and how many have shipped.

    A release reduces `quantity`. Orders come after this area, so their ids are no foreign keys.
    """

    __tablename__, __number__ = "stock_reservation", 25
    __table_args__ = (
        UniqueConstraint("order_line_id", "location_id", name="stock_reservation_location_key"),
        CheckConstraint("shipped >= 0 AND shipped <= quantity", name="stock_reservation_shipped_check"),
        Index("stock_reservation_order", "order_id"),
        Index("stock_reservation_variant", "variant_id"),
        Index("stock_reservation_location", "location_id"),
    )
    order_id: Mapped[str] = mapped_column(Id)
    order_line_id: Mapped[str] = mapped_column(Id)
    variant_id: Mapped[str] = mapped_column(Id, ForeignKey("variant.id"))
    location_id: Mapped[str] = mapped_column(Id, ForeignKey("stock_location.id"))
    quantity: Mapped[int]
    shipped: Mapped[int] = mapped_column(default=0)
