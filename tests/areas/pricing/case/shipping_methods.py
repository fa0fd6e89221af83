"""Shipping methods: everyone sees those that are active."""

from tests.factories import unique
from tests.parity.access.table import INACTIVE_HIDDEN, STAFF_ONLY, Place
from tests.parity.case import CaseContext, EntityCase, Fault, OracleCase, ReadCase, Sample, WriteCase
from tests.parity.harness import Json

UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8014"
PRICE = {"amount": 490, "currency": "EUR"}
WITHOUT_NAME = Fault({"code": "express", "name": "", "price": PRICE}, ("/name",))


def method(code: str, **members: object) -> Json:
    """Return the input of a shipping method."""
    return {"code": code, "name": f"Method {code}", "price": PRICE, **members}


async def sample(context: CaseContext) -> Sample:
    """Create an active method and an inactive one."""
    codes = unique("standard"), unique("night")
    shown = await context.create("/shipping-methods", method(codes[0], countries=["DE", "AT"], position=2))
    hidden = await context.create("/shipping-methods", method(codes[1], active=False, free_from=PRICE))
    return Sample(
        keys=[shown["id"], hidden["id"], UNKNOWN_ID],
        filter_values={"code": [*codes, "none"], "active": [True, False]},
        shown={
            "shipping_method_list": Place(seeks=shown["id"], filter=("code", codes[0])),
            "shipping_method_get": Place(shown["id"], shown["id"]),
        },
        hidden={
            "shipping_method_list": Place(seeks=hidden["id"], filter=("code", codes[1])),
            "shipping_method_get": Place(hidden["id"], hidden["id"]),
        },
    )


async def row(context: CaseContext) -> str:
    """Create a method with every member."""
    body = method(f"row-{context.mark}", free_from=PRICE, countries=["DE"], max_weight_grams=2000, tax_class="reduced")
    return (await context.create("/shipping-methods", body))["id"]


SHIPPING_METHOD = EntityCase(
    name="ShippingMethod",
    plural="shipping_methods",
    sample=sample,
    row=row,
    answer="name,countries,price{amount},free_from{amount,currency},version",
    oracle=OracleCase(
        visible=lambda view, row: row["active"] or "pricing:write" in view.permissions, order=("position",)
    ),
    bad_values={
        "code": ["standard", "Standard", "", "x" * 101],
        "name": ["", "x" * 201, "ok"],
        "price": [PRICE, {"amount": -1, "currency": "EUR"}, {"amount": 4_000_000_001, "currency": "EUR"}],
        "free_from": [PRICE, None],
        "countries": [[], ["DE"], ["XX"], ["de"], None],
        "min_weight_grams": [0, -1, 5],
        "max_weight_grams": [None, 4, 100],
        "position": [0, -1],
        "active": [True, None],
    },
    reads=(
        ReadCase("shipping_method_list", INACTIVE_HIDDEN, {"id,name,price{amount}": 1}),
        ReadCase("shipping_method_get", INACTIVE_HIDDEN, {"code,countries,free_from{amount},version": 1}),
    ),
    writes=(
        WriteCase(
            "shipping_method_create",
            STAFF_ONLY,
            bodies=(
                lambda c: method(f"new-{c.mark}"),
                lambda c: method(f"new-{c.mark}", free_from=PRICE, countries=["DE", "AT"], max_weight_grams=5000),
            ),
            faults=(
                WITHOUT_NAME,
                Fault(
                    method("express", price={"amount": 490, "currency": "USD"}),
                    ("/price/currency",),
                    code="currency_not_sold",
                ),
                Fault(method("express", countries=["DE", "XX"]), ("/countries/1",)),
                Fault(method("express", min_weight_grams=2, max_weight_grams=1), ("/max_weight_grams",)),
                Fault(method("express", price={"amount": 4_000_000_001, "currency": "EUR"}), ("/price/amount",)),
            ),
        ),
        WriteCase(
            "shipping_method_replace",
            STAFF_ONLY,
            bodies=(lambda c: method(f"other-{c.mark}", description="Some\nlines"),),
            faults=(WITHOUT_NAME,),
        ),
        WriteCase(
            "shipping_method_update",
            STAFF_ONLY,
            bodies=({"free_from": None, "position": 7},),
            json_patches=([{"op": "add", "path": "/countries/-", "value": "CH"}],),
            faults=(Fault({"countries": ["XX"]}, ("/countries/0",)),),
        ),
        WriteCase("shipping_method_delete", STAFF_ONLY),
    ),
)
