"""The sort order of a list: its keys, then the id."""

import pytest

from tradepost.areas.catalog.resource import categories, products
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.query.keyset import sort_order
from tradepost.kit.resource.list_arguments import parse_sort
from tradepost.kit.resource.list_query import ListQueryShape

NO_PERMISSIONS: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ((), ("-created_at", "-id")),
        (("name",), ("name", "id")),
        (("name", "-price"), ("name", "-price", "-id")),
        (("-price", "name"), ("-price", "name", "id")),
    ],
)
def test_the_last_sort_key_is_the_id_in_the_direction_of_the_key_before(
    sort: tuple[str, ...], order: tuple[str, ...]
) -> None:
    assert sort_order(products, ListQueryShape(sort=sort), products.order) == order


def test_a_search_is_sorted_by_relevance_then_by_age() -> None:
    assert sort_order(products, ListQueryShape(filters=("q",)), products.order) == ("relevance", "-created_at", "-id")
    assert sort_order(products, ListQueryShape(filters=("q",), sort=("name",)), products.order) == ("name", "id")
    assert sort_order(products, ListQueryShape(filters=("q",), sort=("relevance", "created_at")), products.order) == (
        "relevance",
        "-created_at",
        "-id",
    )


def test_a_resource_may_have_its_own_default_order() -> None:
    assert sort_order(categories, ListQueryShape(), categories.order) == ("position", "name", "id")


@pytest.mark.parametrize("sort", ["name,-price", ["name", "-price"], " name , -price "])
def test_a_sort_may_be_a_text_or_a_list(sort: object) -> None:
    assert parse_sort(products, sort, NO_PERMISSIONS, set()) == ("name", "-price")


@pytest.mark.parametrize(
    "sort", ["nope", "name,name", "name,-name", "-", "", "relevance", 5, True, {"name": 1}, [1], [["name"]]]
)
def test_an_invalid_sort_is_refused(sort: object) -> None:
    with pytest.raises(InvalidParameter):
        parse_sort(products, sort, NO_PERMISSIONS, set())
