"""Values in values and lists of values, selected at any depth, equally at both doors."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.kit.sample_quote import EMPTY, QUOTE, SampleLine, SampleQuote, create_quote_app, sample_quotes
from tests.parity.fields import graphql_fields, normalize_answer
from tradepost.doors.graphql.schema.object_types import ObjectTypes
from tradepost.doors.rest.fields_parameter import compile_fields
from tradepost.kit.auth.access import permission
from tradepost.kit.auth.caller import Caller
from tradepost.kit.problems import Forbidden
from tradepost.kit.query.value_records import value_record
from tradepost.kit.resource.resource import EmbeddedValue, Result
from tradepost.kit.resource.selection import check_access
from tradepost.settings import Settings

pytestmark = pytest.mark.anyio

type Tree = dict[str, "Tree | None"]
"""Selected names in order, each with the tree below it; None is a leaf."""


@st.composite
def trees(draw: Any, target: Any) -> Tree:
    """Draw a selection of members, at all depths."""
    names = draw(st.lists(st.sampled_from(sorted(target.members)), min_size=1, max_size=4, unique=True))
    nested = {name: target.nested(name) for name in names}
    return {name: draw(trees(value)) if value is not None else None for name, value in nested.items()}


def fields_text(tree: Tree) -> str:
    """Return the `fields` parameter that selects a tree."""
    return ",".join([name if below is None else f"{name}{{{fields_text(below)}}}" for name, below in tree.items()])


def keep(tree: Tree | None, value: Any) -> Any:
    """Return the part of a whole record that a tree selects."""
    if tree is None or value is None:
        return value
    if isinstance(value, list):
        return [keep(tree, item) for item in value]
    return {name: keep(below, value[name]) for name, below in tree.items()}


def rendered(quote: SampleQuote, fields: str | None = None, result: Result[SampleQuote] = sample_quotes) -> Any:
    """Return the JSON of a quote in REST's default form or with some `fields`."""
    selection = compile_fields(result, fields, frozenset())
    return msgspec.json.decode(msgspec.json.encode(value_record(result, quote, selection).body))


@pytest.fixture(scope="module")
async def quotes(module_settings: Settings, anyio_backend: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app with the operation `sample_quote`."""
    app = create_quote_app(module_settings)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://tradepost.test") as client,
    ):
        yield client


@given(trees(sample_quotes), st.sampled_from([QUOTE, EMPTY]))
def test_a_selection_of_values_is_the_whole_record_filtered(tree: Tree, quote: SampleQuote) -> None:
    selected = rendered(quote, fields_text(tree))
    assert selected == keep(tree, rendered(quote))
    assert msgspec.json.encode(selected) == msgspec.json.encode(keep(tree, rendered(quote)))


def test_the_whole_record_is_the_struct_on_the_wire() -> None:
    whole = msgspec.to_builtins(QUOTE)
    for line in [*whole["lines"], *whole["parcels"][0]["contents"]["lines"]]:
        if line["added_at"] is not None:
            line["added_at"] = line["added_at"].replace("Z", ".000000Z")
    assert rendered(QUOTE) == whole


def test_a_value_without_braces_has_all_its_members() -> None:
    assert rendered(QUOTE, "shipping{price},lines,tax_lines{tax}") == {
        "shipping": {"price": {"amount": 500, "currency": "EUR"}},
        "lines": rendered(QUOTE)["lines"],
        "tax_lines": [{"tax": {"amount": 16, "currency": "EUR"}}, {"tax": {"amount": 0, "currency": "EUR"}}],
    }


def test_a_value_that_needs_a_permission_is_left_out_or_refused_at_any_depth() -> None:
    result = Result(SampleQuote, field_access={"parcels": permission("parcels:read")})
    assert list(rendered(QUOTE, None, result)) == [n for n in result.members if n != "parcels"]
    for fields in ("parcels", "parcels{contents{lines{unit_price{amount}}}}"):
        selection = compile_fields(result, fields, frozenset())
        with pytest.raises(Forbidden, match="parcels:read"):
            check_access(result, selection.field_set.fields, Caller(id="x"))
        check_access(result, selection.field_set.fields, Caller(id="x", permissions=frozenset({"parcels:read"})))


def test_aliases_are_kept_at_every_depth() -> None:
    text = "p: parcels{c: contents{l: lines{a: unit_price{n: amount},b: unit_price{currency}},value{n: amount}}}"
    line = {"a": {"n": 7}, "b": {"currency": "EUR"}}
    contents = [{"l": [line], "value": {"n": 9}}, {"l": [], "value": None}, None]
    assert rendered(QUOTE, text) == {"p": [{"c": c} for c in contents]}


def test_values_are_nested_at_most_four_deep() -> None:
    class Deep(msgspec.Struct):
        quotes: list[SampleQuote]

    with pytest.raises(TypeError, match="`unit_price`: values can be nested 4 deep"):
        Result(Deep)
    value = sample_quotes.members["parcels"]
    assert isinstance(value, EmbeddedValue)
    assert value.members["contents"].members["lines"].shape is SampleLine  # type: ignore[union-attr]


@hypothesis_settings(max_examples=25)
@given(trees(sample_quotes))
async def test_both_doors_answer_a_selection_alike(quotes: httpx.AsyncClient, tree: Tree) -> None:
    fields = fields_text(tree)
    rest = await quotes.get("/v1/sample-quote", params={"fields": fields})
    assert rest.status_code == 200, rest.text
    assert rest.json() == keep(tree, rendered(QUOTE))
    document = f"{{ sampleQuote {{ {graphql_fields(sample_quotes, fields)} }} }}"
    graphql = (await quotes.post("/graphql", json={"query": document})).json()
    assert normalize_answer(sample_quotes, graphql["data"]["sampleQuote"]) == rest.json()
    equal = await quotes.get("/v1/sample-quote", params={"fields": fields}, headers={"Accept": "application/graphql"})
    assert (await quotes.post("/graphql", json={"query": equal.text})).json()["data"] == graphql["data"]


async def test_messagepack_has_the_same_values(quotes: httpx.AsyncClient) -> None:
    for fields in ("lines,parcels,shipping", "lines{options,tags,unit_price{amount}}"):
        answers = [
            await quotes.get("/v1/sample-quote", params={"fields": fields}, headers={"Accept": accept})
            for accept in ("application/json", "application/msgpack")
        ]
        assert msgspec.msgpack.decode(answers[1].content) == answers[0].json()


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ("lines{unit_price{cents}}", "`cents` is not a field of Money."),
        ("lines{price}", "`price` is not a field of SampleLine."),
        ("lines{unit_price{}}", None),
        ("lines{quantity{amount}}", "`quantity` has no nested fields."),
        ("lines(first: 2){quantity}", "`lines` takes no arguments."),
        ("shipping{total{amount},total{currency}}", None),
    ],
)
async def test_a_name_that_a_value_does_not_have_is_refused(
    quotes: httpx.AsyncClient, fields: str, detail: str | None
) -> None:
    answer = await quotes.get("/v1/sample-quote", params={"fields": fields})
    assert answer.status_code == (400 if "total" not in fields else 200)
    assert detail is None or answer.json()["detail"].startswith(detail)


async def test_each_struct_is_one_graphql_type(quotes: httpx.AsyncClient) -> None:
    sdl = (await quotes.get("/schema.graphql")).text
    for shape in ("SampleLine", "SampleShipping", "SampleTaxLine", "SampleContents", "Money"):
        assert sdl.count(f"type {shape} {{") == 1, shape
    assert "enum SampleAvailability {" in sdl
    fields = ("lines: [SampleLine!]!", "unitPrice: Money\n", "shipping: SampleShipping\n", "price: Money!")
    for field in (*fields, "parcels: [SampleParcel!]\n", "availability: SampleAvailability!"):
        assert field in sdl, field


async def test_enums_in_values_have_their_names_in_graphql(quotes: httpx.AsyncClient) -> None:
    document = "{ sampleQuote { lines { availability moods taxPercentage options } } }"
    answer = (await quotes.post("/graphql", json={"query": document})).json()
    first, second = answer["data"]["sampleQuote"]["lines"]
    assert (first["availability"], second["availability"]) == ("IN_STOCK", "OUT_OF_STOCK")
    assert (first["moods"], first["taxPercentage"]) == (["IN_STOCK"], "19")
    assert first["options"] == {"größe": [1, None, {"a": True}]}


async def test_each_struct_is_one_openapi_component(quotes: httpx.AsyncClient) -> None:
    schemas = (await quotes.get("/v1/openapi.json")).json()["components"]["schemas"]
    line = schemas["SampleLine"]["properties"]
    assert line["unit_price"]["anyOf"][0] == {"$ref": "#/components/schemas/Money"}
    assert line["availability"] == {"$ref": "#/components/schemas/SampleAvailability"}
    assert schemas["SampleAvailability"]["enum"] == ["in_stock", "out_of_stock"]
    assert schemas["SampleQuote"]["properties"]["lines"]["items"] == {"$ref": "#/components/schemas/SampleLine"}
    assert schemas["SampleShipping"]["properties"]["tax"] == {"$ref": "#/components/schemas/Money"}


def test_two_structs_of_one_name_are_refused() -> None:
    types, quote = ObjectTypes(), Result(SampleQuote)
    types.output_type(quote.members["grand_total"])
    other = msgspec.defstruct("Money", [("cents", int)])
    with pytest.raises(TypeError, match="two Structs of values are named Money"):
        types.output_type(Result(msgspec.defstruct("Price", [("price", other)])).members["price"])
