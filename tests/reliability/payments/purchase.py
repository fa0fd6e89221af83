"""An order with a payment at the provider, and the steps of everyone who has to do with it."""

from dataclasses import dataclass, field

from tests.reliability.payments.paid_shop import PaidShop
from tests.reliability.payments.payer import Payer, reference_of, secret_of
from tests.reliability.shoppers import Cart, Json, Outcome, expect_row

STOCK, UNITS = 5, 2


@dataclass
class Purchase:
    """An order of 2 of 5 units. payment, secret: those of the latest payment."""

    shop: PaidShop
    variant: str
    cart: Cart
    order: str
    payment: str = ""
    secret: str = field(default="", repr=False)

    @classmethod
    async def prepare(cls, shop: PaidShop, variant: str | None = None, door: int = 0) -> "Purchase":
        """Place the order as a guest."""
        variant = variant or await shop.variant((STOCK, None))
        guest = shop.guest(door)
        cart = await guest.fill_cart(shop.shipping_method_id, (variant, UNITS))
        return cls(shop, variant, cart, expect_row(await guest.place(cart, repeats=20))["id"])

    @property
    def total(self) -> int:
        """What the order costs."""
        return int(self.cart.total["amount"])

    @property
    def reference(self) -> str:
        """The provider's id of the payment."""
        return reference_of(self.secret)

    def payer(self, door: int = 0) -> Payer:
        """Return the guest at one API."""
        guest = self.shop.guest(door)
        return Payer(guest.client, guest.door, {"X-Cart-Token": self.cart.token or ""})

    def staff(self, door: int = 0) -> Payer:
        """Return the staff at one API."""
        return Payer(self.shop.staff, self.shop.guest(door).door)

    async def create_payment(self, door: int = 0) -> None:
        """Create a payment that the payer can confirm."""
        self.set_payment(expect_row(await self.payer(door).pay(self.order)))

    def set_payment(self, payment: Json) -> None:
        """Keep the id and the client secret of a payment in the answer of either API."""
        secret = secret_of(payment)
        assert secret is not None, payment
        self.payment, self.secret = payment["id"], secret

    async def pay(self, door: int = 0, card: str = "pm_card_visa") -> Outcome:
        """Create a payment, confirm it at the provider and come back."""
        await self.create_payment(door)
        await self.shop.browser.confirm(self.secret, card)
        return await self.payer(door).complete(self.payment)

    async def cancel(self, door: int = 0) -> Outcome:
        """Cancel the order as its guest."""
        return await self.payer(door).cancel(self.order, {})
