"""What the parity tests put into the demo shop: archived products, drafts, import leftovers, ratings, tags that nobody else has."""

from dataclasses import dataclass
from typing import Any

from tests.factories import make_media, unique, variant_input
from tests.parity.harness import ApiClient
from tests.users import ShopUser, create_user
from tradepost.app import TradepostApp

type Json = dict[str, Any]

STATUSES = ("draft", "active", "archived")
KINDS = ("Product", "Category", "Variant", "Media", "Tag", "User", "Address", "ApiKey")
"""The kinds that questions are drawn about. A new room joins them with its keys, its filter values and its place in the oracle."""


@dataclass(frozen=True, repr=False)
class SampleRows:
    """Keys of rows by the resource's name, visible and hidden ones, and values to filter by."""

    keys: dict[str, list[str]]
    values: dict[tuple[str, str], list[Any]]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("known")


async def create_catalog_rows(app: TradepostApp, staff: ApiClient, customer: ApiClient) -> SampleRows:
    """Puts the rows in, and looks up what there is."""
    top = (await staff.rest("POST", "/categories", json={"name": "Zweig", "slug": unique("zweig")})).json()
    below = (
        await staff.rest(
            "POST",
            "/categories",
            json={"name": "Ästchen", "slug": unique("ast"), "parent_id": top["id"], "position": 3},
        )
    ).json()
    for i, status in enumerate(STATUSES * 3):
        body = {
            "name": f"Rôle {'wool' if i % 2 else 'oak'} {i}", "slug": unique("role"), "status": status, "category_id": [top["id"], below["id"], None][i // 3],
            "category_ids": [top["id"], below["id"]][: i % 3], "attributes": {"camel_case_key": {"inner_key": [1, None, "x_y"]}, "n": 1.5},
            "tags": [f"only-{status}", "shared-by-all", f"t-{i}"], "source": {"legacy_id": i}, "external_reference": unique("ref"),
            "variants": [variant_input(1000 * i + j, imported_quantity=None) for j in range(i % 4)],
        }  # fmt: skip
        for j, variant in enumerate(body["variants"]):
            del variant["imported_quantity"]
            variant |= {
                "source": {"row": j},
                "position": j // 2,
                "compare_at_price": {"amount": 9_000_000_000, "currency": "EUR"} if j else None,
            }
        answer = await staff.rest("POST", "/products", json=body)
        assert answer.status_code == 201, answer.text
        fetched: Json = {
            "status": "stored",
            "mime": "image/png",
            "sha256": "0" * 64,
            "bytes": 2**33,
            "width": 3,
            "height": 4,
            "source_url": None,
        }
        for j in range((i + 1) % 4):
            await make_media(
                app, answer.json()["id"], position=j // 2, **fetched if j == i % 3 else {"alt": "Ein Zweig\n…"}
            )
    assert customer.person is not None
    return await load_audit_rows(staff, await create_account_rows(app, customer.person))


async def create_account_rows(app: TradepostApp, customer: ShopUser) -> SampleRows:
    """Puts users in, with addresses and keys: those of the customer, and those of somebody else, which it may not see."""
    others = [
        await create_user(app, role, full_name=f"Ångström {role}", username=unique("u"))
        for role in ("customer", "moderator", "staff", "admin")
    ]
    suspended = await create_user(app, status="suspended", full_name="")
    addresses = [
        await person.address(city=f"City {i}", phone=None if i % 2 else "+4587654321")
        for i, person in enumerate([customer] * 4 + others[:1] * 2)
    ]
    keys = [
        await person.key(scopes=["account:read"] if i % 2 else None, points_per_minute=i + 1)
        for i, person in enumerate([customer] * 3 + others[:2])
    ]
    people = [customer, *others, suspended]
    return SampleRows(
        keys={"User": [p.id for p in people], "Address": addresses, "ApiKey": [k["id"] for k in keys]},
        values={
            ("User", "email"): [p.email for p in people] + ["nobody@shop.example"], ("User", "role"): ["customer", "moderator", "staff", "admin"],
            ("User", "status"): ["active", "suspended", "closed"], ("User", "q"): ["angstrom", "kim", "ANG st", "kim lar", "u", "shop example"],
            ("ApiKey", "prefix"): [k["prefix"] for k in keys] + ["none"],
            **{("User", f"created_at_{k}"): [keys[0]["created_at"], "2025-06-01T02:00:00+02:00"] for k in ("gte", "gt", "lte", "lt")},
        },
    )  # fmt: skip


async def load_audit_rows(staff: ApiClient, people: SampleRows) -> SampleRows:
    """Some rows of each kind as an editor sees them, so some of them are hidden from others."""

    async def rows(path: str, **params: str) -> list[Json]:
        answer = await staff.rest("GET", path, params={"limit": "100", **params})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    products, categories, tags = (
        await rows(
            "/products", fields="id,slug,status,created_at,external_reference,variants{id,sku,barcode},media{id}"
        ),
        [],
        [],
    )
    categories, tags = await rows("/categories"), await rows("/tags")
    hidden, shown = [p for p in products if p["status"] != "active"], [p for p in products if p["status"] == "active"]
    some = [*hidden[:3], *shown[:5], *shown[-2:]]
    variants = [v for p in [*hidden, *shown] for v in p["variants"]][:9]
    media = [m for p in [*hidden, *shown] for m in p["media"]][:9]
    parents = {c["parent_id"] for c in categories} - {None}
    branches = [c for c in categories if c["id"] in parents][:4] + categories[:2]
    return SampleRows(
        keys=people.keys | {
            "Product": [*[p["id"] for p in some], *[p["slug"] for p in some[2:5]], "no-such-thing"],
            "Category": [*[c["id"] for c in branches], categories[-1]["slug"], "no-such-thing"],
            "Variant": [v["id"] for v in variants],
            "Media": [m["id"] for m in media],
            "Tag": [*[t["id"] for t in tags[:4]], *[t["slug"] for t in tags if t["slug"].startswith(("only-", "shared"))]],
        },
        values=people.values | {
            ("Category", "slug"): [c["slug"] for c in branches], ("Category", "parent_id"): [c["id"] for c in branches], ("Category", "root"): [True, False],
            ("Product", "status"): list(STATUSES), ("Product", "slug"): [p["slug"] for p in some], ("Product", "tag"): ["sale", "only-draft", "shared-by-all"],
            ("Product", "external_reference"): [p["external_reference"] or "none" for p in some], ("Product", "category"): [c["slug"] for c in branches],
            ("Product", "q"): ["wool", "ROLE oa", "rôle", "a s", "sku", "the"],
            **{("Product", f"price_{k}"): [0, 999, 4000, 2**40] for k in ("gte", "gt", "lte", "lt")},
            **{("Product", f"{n}_{k}"): [p["created_at"] for p in some] + ["2025-06-01T02:00:00+02:00"]
               for n in ("created_at", "updated_at") for k in ("gte", "gt", "lte", "lt")},
            ("Variant", "sku"): [v["sku"] for v in variants], ("Variant", "barcode"): [v["barcode"] or "none" for v in variants],
            ("Media", "status"): ["remote", "stored", "failed"],
            ("Tag", "slug"): ["sale", "only-draft", "only-active"],
        },
    )  # fmt: skip
