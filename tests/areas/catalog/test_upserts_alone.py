"""A property: upserts as a set give what each gives alone, one after another."""

from typing import TYPE_CHECKING, Any

import httpx
import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings

from tests.areas.catalog.upserting import upsert
from tests.factories import Json, read, unique

if TYPE_CHECKING:
    from tradepost.app import TradepostApp

FIELDS = "name,slug,external_reference,tags,price_from,version,description,variants(first:50){sku name options price position version}"
SIZES = ("S", "M", "L")


def variants() -> st.SearchStrategy[list[Json]]:
    """A few variants out of a small number of SKUs, options and prices: they meet one another."""
    one = st.fixed_dictionaries(
        {"sku": st.integers(0, 5), "size": st.sampled_from(SIZES), "amount": st.integers(1, 3)},
        optional={"position": st.integers(0, 3)},
    )
    return st.lists(one, max_size=3)


def inputs() -> st.SearchStrategy[list[Json]]:
    """Products that are new, the same, or one another's, by reference, slug or name."""
    one = st.fixed_dictionaries(
        {
            "name": st.integers(0, 2),
            "variants": variants(),
            "tags": st.lists(st.sampled_from(["oak", "ash"]), max_size=2),
        },
        optional={
            "reference": st.integers(0, 4),
            "slug": st.integers(0, 4),
            "description": st.sampled_from(["", "new"]),
            "wrong": st.just(True),
        },
    )
    return st.lists(one, min_size=1, max_size=6)


def written(drawn: Json, mark: str) -> Json:
    """A drawn product in names that begin with a mark: two lists of the same products, each in a world of its own."""
    made: Json = {
        "name": f"{mark} name {drawn['name']}",
        "tags": drawn["tags"],
        "description": drawn.get("description", ""),
    }
    made |= {"external_reference": f"{mark}-{drawn['reference']}"} if "reference" in drawn else {}
    made |= {"slug": f"{mark}-slug-{drawn['slug']}"} if "slug" in drawn else {}
    made |= {"nme": 1} if "wrong" in drawn else {}
    made["variants"] = [
        {
            "sku": f"{mark}-{v['sku']}",
            "options": {"size": v["size"]},
            "price": {"amount": v["amount"], "currency": "EUR"},
        }
        | ({"position": v["position"]} if "position" in v else {})
        for v in drawn["variants"]
    ]
    return made


def unmarked(value: Any, mark: str) -> Any:
    """An answer without its mark, without what no two writes share."""
    match value:
        case dict():
            return {
                k: unmarked(v, mark)
                for k, v in value.items()
                if k not in ("id", "created_at", "updated_at", "links", "request_id", "instance")
            }
        case list():
            return [unmarked(v, mark) for v in value]
        case str():
            return value.replace(mark, "x")
        case _:
            return value


async def rows(staff: httpx.AsyncClient, ids: list[str], mark: str) -> list[Any]:
    """The products as they are in the end."""
    return [unmarked(await read(staff, f"/v1/products/{id}", fields=FIELDS), mark) for id in ids]


PLAIN: Json = {"name": 0, "variants": [], "tags": []}
# The second of these leaves the slug that was made for it, and the third is new and of the same name.
LEAVES = [PLAIN | {"reference": 0}, PLAIN | {"reference": 0, "slug": 0}, PLAIN]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(before=inputs(), after=inputs())
@example(before=[PLAIN], after=LEAVES)
async def test_a_set_gives_what_each_gives_alone(
    app: "TradepostApp", staff: httpx.AsyncClient, before: list[Json], after: list[Json]
) -> None:
    together, alone = unique("t"), unique("a")
    ids: dict[str, list[str]] = {together: [], alone: []}
    for drawn in (before, after):
        as_set = await upsert(staff, [written(d, together) for d in drawn])
        each = [(await upsert(staff, [written(d, alone)]))[0] for d in drawn]
        assert unmarked(as_set, together) == unmarked(each, alone)
        for mark, results in ((together, as_set), (alone, each)):
            ids[mark] += [r["data"]["id"] for r in results if r["status"] == 201]
    assert await rows(staff, ids[together], together) == await rows(staff, ids[alone], alone)
