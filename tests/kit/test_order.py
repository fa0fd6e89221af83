"""The order of a list: its keys, made unique by the id."""

import pytest

from tradepost.areas.catalog.resource import categories, products
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.query.keyset import sort_order
from tradepost.kit.resource.list_arguments import parse_sort
from tradepost.kit.resource.list_query import ListQueryShape

NOBODY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ((), ("-created_at", "-id")),
        (("name",), ("name", "id")),
        (("name", "-price"), ("name", "-price", "-id")),
        (("-price", "name"), ("-price", "name", "id")),
    ],
)
def test_the_id_comes_last_in_the_direction_of_the_last_key(sort: tuple[str, ...], order: tuple[str, ...]) -> None:
    assert sort_order(products, ListQueryShape(sort=sort), products.order) == order


def test_a_search_is_ordered_by_relevance_and_then_by_age() -> None:
    assert sort_order(products, ListQueryShape(filters=("q",)), products.order) == ("relevance", "-created_at", "-id")
    assert sort_order(products, ListQueryShape(filters=("q",), sort=("name",)), products.order) == ("name", "id")
    assert sort_order(products, ListQueryShape(filters=("q",), sort=("relevance", "created_at")), products.order) == (
        "relevance",
        "-created_at",
        "-id",
    )


def test_a_list_has_an_order_of_its_own() -> None:
    assert sort_order(categories, ListQueryShape(), categories.order) == ("position", "name", "id")


@pytest.mark.parametrize("given", ["name,-price", ["name", "-price"], " name , -price "])
def test_a_sort_is_a_text_or_a_list(given: object) -> None:
    assert parse_sort(products, given, NOBODY, set()) == ("name", "-price")


@pytest.mark.parametrize(
    "given", ["nope", "name,name", "name,-name", "-", "", "relevance", 5, True, {"name": 1}, [1], [["name"]]]
)
def test_what_is_no_sort_is_refused(given: object) -> None:
    with pytest.raises(InvalidParameter):
        parse_sort(products, given, NOBODY, set())
