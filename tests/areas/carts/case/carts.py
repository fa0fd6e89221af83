"""Carts: a user's own, and all of them for staff. Guests have tests of their own."""

from tests.factories import Json
from tests.parity.access.table import A, F, H, Place, Row, Rule, U
from tests.parity.case import (
    CaseContext,
    EntityCase,
    Fault,
    OracleCase,
    OracleView,
    ReadCase,
    Sample,
    TableRow,
    WriteCase,
)
from tradepost.kit.clock import now, to_rfc3339

from .rows import (
    ADDRESS,
    cart_and_line,
    cart_and_variant,
    guest_cart,
    insert_cart,
    new_variant,
    open_cart,
)

# In order: anonymous, customer, other customer, moderator, staff, admin, empty key, catalog key
CARTS = Rule(Row(H, A, H, H, A, A, H, H), Row(H, H, H, H, A, A, H, H, guest=A))
"""A cart of the customer, and one of the guest."""
OPEN_CART = Rule(Row(H, A, H, H, A, A, H, H, guest=A))
ANYONE = Rule(Row(A, A, A, A, A, A, A, A))
CLAIM = Rule(Row(U, A, A, A, A, A, F, F))
ACTIONS = {"cart_update", "cart_line_set", "cart_line_remove"}
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8014"
LINE_POINTERS = ("/lines/0/quantity", "/lines/0/variant_id")
BAD_ADDRESS = ADDRESS | {"country": "XX"}


async def sample(context: CaseContext) -> Sample:
    """Create carts of the owner, of another user and of the guest."""
    other, variants = context.samples["User"].rows["other"], context.samples["Variant"].keys
    shown = await insert_cart(context, variants[:3], email="kim@shop.example", **IN_DENMARK)
    older = await insert_cart(context, variants[:1], status="expired")
    others = await insert_cart(context, variants, customer_id=other.id)
    hidden, moment = await guest_cart(context), to_rfc3339(now())
    return Sample(
        keys=[shown, older, others, hidden, UNKNOWN_ID],
        filter_values={
            "status": ["open", "expired", "completed"],
            "customer_id": [context.owner.id, other.id, UNKNOWN_ID],
            **{f"created_at_{name}": [moment] for name in ("gte", "gt", "lte", "lt")},
        },
        shown={"cart_list": Place(seeks=shown, filter=("customer_id", context.owner.id)), **_places(shown)},
        hidden={"cart_list": Place(seeks=hidden, filter=("created_at_lt", moment)), **_places(hidden)},
        rows={"shown": shown},
    )


def _places(id: str) -> dict[str, Place]:
    return {"cart_get": Place(id, id), "cart_quote": Place(id)}


def is_visible(view: OracleView, row: TableRow) -> bool:
    """Whether a caller sees a cart."""
    return "orders:read" in view.permissions or view.is_own(row, "id")


IN_DENMARK = {
    "shipping_address_name": "Kim Larsen",
    "shipping_address_company": "",
    "shipping_address_lines": ["Vestergade 12"],
    "shipping_address_city": "Aarhus",
    "shipping_address_postcode": "8000",
    "shipping_address_country": "DK",
}


async def many_rows(context: CaseContext) -> str:
    """Create more than a page of carts of the owner, and return one with many lines."""
    for _ in range(101):
        await insert_cart(context, status="expired")
    path = f"/products/{context.keys['Product']}/variants"
    variants = (await context.read(path, fields="id", limit="50"))["data"]
    return await insert_cart(context, [variant["id"] for variant in variants])


async def with_lines(context: CaseContext) -> Json:
    """Return the input of a cart with a line."""
    return {"lines": [{"variant_id": await new_variant(context), "quantity": 2}], "shipping_address": ADDRESS}


CART = EntityCase(
    name="Cart",
    plural="carts",
    sample=sample,
    row=open_cart,
    many_rows=many_rows,
    answer="status,email,currency,locale,note,attributes,shipping_address,billing_address,version,"
    "lines{quantity,unit_price,total,sku,availability}",
    replayed="id,status,shipping_address{city},links,s:shipping_address,lines{quantity,links}",
    open_actions={"customer": ACTIONS, "staff": ACTIONS, "admin": ACTIONS},
    oracle=OracleCase(visible=is_visible),
    bad_values={
        # All are invalid: a user has one open cart, so a second valid create would be refused.
        "email": ["kim@", "x", "", "x" * 255],
        "locale": ["x", "english language"],
        "shipping_address": [BAD_ADDRESS, ADDRESS | {"lines": []}],
        "billing_address": [BAD_ADDRESS, ADDRESS | {"city": ""}],
        "shipping_method_id": [UNKNOWN_ID, "x"],
        "note": ["x" * 2001, "\u0000"],
        "attributes": [{"text": "x" * 4096}, []],
        "lines": [[{"variant_id": UNKNOWN_ID, "quantity": 1}], [{"variant_id": "x", "quantity": 0}]],
    },
    reads=(
        ReadCase("cart_list", CARTS, {"id,status": 1, "id,lines{sku,unit_price,availability}": 2}),
        ReadCase("cart_get", CARTS, {"email,shipping_address{city}": 1, "id,lines{product_name,variant{sku}}": 2}),
    ),
    writes=(
        WriteCase(
            "cart_create",
            ANYONE,
            role="customer",
            bodies=({"note": "Ring twice", "locale": "de"}, with_lines),
            faults=(
                Fault(
                    {"email": "kim@", "shipping_address": BAD_ADDRESS},
                    ("/email", "/shipping_address/country"),
                ),
                Fault(
                    {"lines": [{"variant_id": UNKNOWN_ID, "quantity": 100}]},
                    LINE_POINTERS,
                ),
                Fault({"shipping_method_id": UNKNOWN_ID}, ("/shipping_method_id",)),
                Fault({"lines": [{"variant_id": "x", "quantity": 0}]}, LINE_POINTERS),
            ),
            leaves_traces=False,
            shows_secrets=False,
        ),
        WriteCase(
            "cart_update",
            OPEN_CART,
            role="customer",
            for_guests=True,
            bodies=({"note": "Ring twice", "shipping_address": ADDRESS, "attributes": {"gift": True}}, {"email": None}),
            json_patches=([{"op": "replace", "path": "/note", "value": "Ring\ntwice"}],),
            faults=(
                Fault({"billing_address": BAD_ADDRESS}, ("/billing_address/country",)),
                Fault({"locale": "english language", "note": "x" * 2001}, ("/locale", "/note")),
            ),
            leaves_traces=False,
            shows_secrets=False,
        ),
        WriteCase(
            "cart_line_set",
            OPEN_CART,
            role="customer",
            for_guests=True,
            path="/carts/{0}/lines/{1}",
            method="PUT",
            row=cart_and_variant,
            bodies=({"quantity": 2},),
            faults=(Fault({"quantity": 0}, ("/quantity",)), Fault({"quantity": 100}, ("/quantity",))),
            leaves_traces=False,
            shows_secrets=False,
        ),
        WriteCase(
            "cart_line_remove",
            OPEN_CART,
            role="customer",
            for_guests=True,
            path="/carts/{0}/lines/{1}",
            method="DELETE",
            row=cart_and_line,
            leaves_traces=False,
            shows_secrets=False,
        ),
        WriteCase(
            "cart_claim",
            CLAIM,
            role="customer",
            path="/carts/{0}/claim",
            row=guest_cart,
            cart_token=lambda context: context.cart_token,
            leaves_traces=False,
            shows_secrets=False,
        ),
    ),
)
