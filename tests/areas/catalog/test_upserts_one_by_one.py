"""A property: upserting a list of products at once gives the same as upserting them one by one."""

from typing import TYPE_CHECKING, Any

import httpx
import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings

from tests.areas.catalog.upserting import upsert
from tests.factories import Json, read, unique

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

FIELDS = (
    "name,slug,external_reference,tags,price_from,version,description,"
    "variants(first:50){sku name options price position version}"
)
SIZES = ("S", "M", "L")


def variants() -> st.SearchStrategy[list[Json]]:
    """Generate variants from few SKUs, options and prices, so that they clash."""
    element = st.fixed_dictionaries(
        {"sku": st.integers(0, 5), "amount": st.integers(1, 3)},
        optional={"position": st.integers(0, 3), "size": st.sampled_from(SIZES)},
    )
    return st.lists(element, max_size=3)


def inputs() -> st.SearchStrategy[list[Json]]:
    """Generate products that are new or match each other by reference, slug or name."""
    element = st.fixed_dictionaries(
        {
            "name": st.integers(0, 2),
        },
        optional={
            "variants": variants(),
            "tags": st.lists(st.sampled_from(["oak", "ash"]), max_size=2),
            "reference": st.integers(0, 4),
            "slug": st.integers(0, 4),
            "description": st.sampled_from(["", "new"]),
            "wrong": st.just(True),
        },
    )
    return st.lists(element, min_size=1, max_size=6)


def with_prefix(drawn: Json, prefix: str) -> Json:
    """Return the input of a generated product with prefixed names.

    Two prefixes give two independent copies of the same products.
    """
    product: Json = {"name": f"{prefix} name {drawn['name']}"}
    product |= {member: drawn[member] for member in ("tags", "description") if member in drawn}
    product |= {"external_reference": f"{prefix}-{drawn['reference']}"} if "reference" in drawn else {}
    product |= {"slug": f"{prefix}-slug-{drawn['slug']}"} if "slug" in drawn else {}
    product |= {"nme": 1} if "wrong" in drawn else {}
    variants: list[Json] = drawn.get("variants", [])
    product["variants"] = [
        {
            "sku": f"{prefix}-{v['sku']}",
            "price": {"amount": v["amount"], "currency": "EUR"},
        }
        | ({"options": {"size": v["size"]}} if "size" in v else {})
        | ({"position": v["position"]} if "position" in v else {})
        for v in variants
    ]
    return product


def without_prefix(value: Any, prefix: str) -> Any:
    """Return a response without the prefix and without ids, times and links."""
    match value:
        case dict():
            return {
                k: without_prefix(v, prefix)
                for k, v in value.items()
                if k not in ("id", "created_at", "updated_at", "links", "request_id", "instance")
            }
        case list():
            return [without_prefix(v, prefix) for v in value]
        case str():
            return value.replace(prefix, "x")
        case _:
            return value


async def rows(staff: httpx.AsyncClient, ids: list[str], prefix: str) -> list[Any]:
    """Read the final state of products, without the prefix."""
    return [without_prefix(await read(staff, f"/v1/products/{id}", fields=FIELDS), prefix) for id in ids]


PLAIN: Json = {"name": 0}
# The second input gives up its generated slug; the third is a new product with the same name.
RELEASED_SLUG = [PLAIN | {"reference": 0}, PLAIN | {"reference": 0, "slug": 0}, PLAIN]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=inputs(), after=inputs())
@example(before=[PLAIN], after=RELEASED_SLUG)
async def test_upserting_a_list_equals_upserting_each_product_alone(
    app: "TradepostApp", staff: httpx.AsyncClient, before: list[Json], after: list[Json]
) -> None:
    together, alone = unique("t"), unique("a")
    ids: dict[str, list[str]] = {together: [], alone: []}
    for drawn in (before, after):
        as_set = await upsert(staff, [with_prefix(d, together) for d in drawn])
        each = [(await upsert(staff, [with_prefix(d, alone)]))[0] for d in drawn]
        assert without_prefix(as_set, together) == without_prefix(each, alone)
        for prefix, results in ((together, as_set), (alone, each)):
            ids[prefix] += [r["data"]["id"] for r in results if r["status"] == 201]
    assert await rows(staff, ids[together], together) == await rows(staff, ids[alone], alone)
