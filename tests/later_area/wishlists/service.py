"""The business rules of wishlists."""

from sqlalchemy import delete, func, select

from tradepost.areas.catalog.models import VariantRow
from tradepost.areas.catalog.resource import variants
from tradepost.areas.catalog.schemas import Variant
from tradepost.kit.operations.operation import operation
from tradepost.kit.operations.row_writes import change_row, create_row, visible_ids
from tradepost.kit.operations.service import ExpectedVersion, Service, column_values
from tradepost.kit.problems import AlreadyExists, InvalidTransition, OutOfStock, OutOfStockLine
from tradepost.kit.query.records import Page, Record
from tradepost.kit.resource.list_query import ListQuery
from tradepost.kit.resource.selection import Selection
from tradepost.kit.schema.patch import Patch

from . import policy
from .models import WishlistRow, WishRow
from .resource import wishes, wishlist_summaries, wishlists
from .schemas import NewWishInput, Wish, WishInput, Wishlist, WishlistInput, WishlistSummary

MAX_QUANTITY = 90


class Wishlists(Service):
    """Reads and changes wishlists."""

    @operation("wishlist_list", "list", wishlists, access=policy.browse, public=True)
    async def list(self, list_query: ListQuery, selection: Selection[Wishlist]) -> Page[Wishlist]:
        """List wishlists."""
        return await self.page(wishlists, selection, list_query)

    @operation("wishlist_get", "get", wishlists, access=policy.browse, public=True)
    async def get(self, key: str, selection: Selection[Wishlist]) -> Record[Wishlist]:
        """Get a wishlist by its id or number."""
        return await self.one(wishlists, selection, key)

    @operation(
        "wishlist_create", "create", wishlists, access=policy.edit, input=WishlistInput, problems=(AlreadyExists,)
    )
    async def create(self, new: WishlistInput, selection: Selection[Wishlist]) -> Record[Wishlist]:
        """Create a wishlist."""
        id = await create_row(self, wishlists, column_values(wishlists, new) | {"status": "open"})
        return await self.read_back(wishlists, selection, id)

    @operation("wishlist_update", "update", wishlists, access=policy.edit, input=WishlistInput)
    async def update(
        self, key: str, patch: Patch, expected: ExpectedVersion, selection: Selection[Wishlist]
    ) -> Record[Wishlist]:
        """Update a wishlist. Only the given fields are changed."""
        row = await self.lock_for_update(WishlistRow, wishlists, key, expected)
        new = await self.apply_patch(wishlists, key, patch, WishlistInput)
        await change_row(self, wishlists, row, column_values(wishlists, new))
        return await self.read_back(wishlists, selection, row.id)

    @operation("wishlist_summary", "get", wishlist_summaries, access=policy.browse, path_resource=wishlists)
    async def summary(self, key: str, selection: Selection[WishlistSummary]) -> Record[WishlistSummary]:
        """Get the number of wishes and units of a wishlist."""
        wishlist = await self.find(wishlists, key)
        query = select(func.count(), func.coalesce(func.sum(WishRow.quantity), 0)).where(
            WishRow.wishlist_id == str(wishlist.id)
        )
        async with self.context.database.session_factory() as session:
            count, units = (await session.execute(query)).one()
        return self.respond(wishlist_summaries, WishlistSummary(count, int(units)), selection)

    @operation("wishlist_claim", "command", wishlists, access=policy.edit, problems=(InvalidTransition,))
    async def claim(self, key: str, selection: Selection[Wishlist]) -> Record[Wishlist]:
        """Close a wishlist."""
        row = await self.lock_for_step(WishlistRow, wishlists, key)
        self.context.emit("wishlist.claimed", row.id)
        return await self.read_back(wishlists, selection, row.id)

    @operation("wishlist_reopen", "command", wishlists, access=policy.reopen, problems=(InvalidTransition,))
    async def reopen(self, key: str, selection: Selection[Wishlist]) -> Record[Wishlist]:
        """Open a wishlist again."""
        row = await self.lock_for_step(WishlistRow, wishlists, key)
        self.context.emit("wishlist.reopened", row.id)
        return await self.read_back(wishlists, selection, row.id)

    @operation("variant_unwish", "command", variants, access=policy.edit, problems=(InvalidTransition,))
    async def unwish(self, key: str, selection: Selection[Variant]) -> Record[Variant]:
        """Remove a variant from all wishlists."""
        row = await self.lock_for_update(VariantRow, variants, key)
        await self.session.execute(delete(WishRow).where(WishRow.variant_id == row.id))
        self.context.emit("variant.unwished", row.id)
        return await self.read_back(variants, selection, row.id)

    @operation("wish_list", "list", wishes, access=policy.browse, parent_relation=(wishlists, "wishes"))
    async def list_wishes(self, key: str, list_query: ListQuery, selection: Selection[Wish]) -> Page[Wish]:
        """List the wishes of a wishlist."""
        return await self.related(wishlists, key, "wishes", list_query, selection)

    @operation(
        "wish_create",
        "create",
        wishes,
        access=policy.edit,
        input=NewWishInput,
        parent_relation=(wishlists, "wishes"),
        problems=(AlreadyExists, InvalidTransition),
        requires_idempotency_key=True,
    )
    async def create_wish(self, key: str, new: NewWishInput, selection: Selection[Wish]) -> Record[Wish]:
        """Add a wish to a wishlist."""
        wishlist = await self.lock_for_update(WishlistRow, wishlists, key)
        [id] = await self.insert(WishRow, column_values(wishes, new) | {"wishlist_id": wishlist.id})
        self.context.emit("wish.created", id)
        return await self.read_back(wishes, selection, id)

    @operation(
        "wish_set",
        "command",
        wishlists,
        access=policy.edit,
        input=WishInput,
        path_ids={"variant_id": variants},
        problems=(InvalidTransition, OutOfStock),
    )
    async def set_wish(
        self, key: str, variant_id: str, new: WishInput, selection: Selection[Wishlist]
    ) -> Record[Wishlist]:
        """Set how many of a variant are wanted."""
        wishlist = await self.lock_for_update(WishlistRow, wishlists, key)
        if not await visible_ids(self, variants, [variant_id]):
            raise variants.not_found(variant_id)
        if new.quantity > MAX_QUANTITY:
            lines = [OutOfStockLine(variant_id=variant_id, sku=None, requested=new.quantity, available=MAX_QUANTITY)]
            raise OutOfStock(lines=lines)
        row = await self._wish(wishlist.id, variant_id)
        if row is None:
            values = {"wishlist_id": wishlist.id, "variant_id": variant_id, "quantity": new.quantity}
            await self.insert(WishRow, values)
        else:
            row.quantity = new.quantity
        return await self._changed(wishlist, selection)

    @operation(
        "wish_remove",
        "command",
        wishlists,
        access=policy.edit,
        path_ids={"variant_id": variants},
        problems=(InvalidTransition,),
    )
    async def remove_wish(self, key: str, variant_id: str, selection: Selection[Wishlist]) -> Record[Wishlist]:
        """Remove a variant from a wishlist."""
        wishlist = await self.lock_for_update(WishlistRow, wishlists, key)
        row = await self._wish(wishlist.id, variant_id)
        if row is None:
            raise variants.not_found(variant_id)
        await self.session.delete(row)
        return await self._changed(wishlist, selection)

    async def _wish(self, wishlist_id: str, variant_id: str) -> WishRow | None:
        query = select(WishRow).where(WishRow.wishlist_id == wishlist_id, WishRow.variant_id == variant_id)
        return (await self.session.scalars(query)).first()

    async def _changed(self, wishlist: WishlistRow, selection: Selection[Wishlist]) -> Record[Wishlist]:
        wishlist.updated_at = self.context.clock()
        await self.session.flush()
        self.context.emit("wishlist.updated", wishlist.id, changed=["wishes"])
        return await self.read_back(wishlists, selection, wishlist.id)
