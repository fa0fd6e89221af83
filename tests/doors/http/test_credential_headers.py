"""One list names the headers with a credential; `Vary`, CORS, caches and documents follow it."""

import pytest

from tests.doors.http.pipeline_app import client
from tradepost.doors.http.response import VARY_FIELDS
from tradepost.doors.pages.guides import FOLDER
from tradepost.kit.auth.credential_headers import (
    CALLER_HEADER_NAMES,
    CALLER_HEADERS,
    CART_TOKEN,
    CART_TOKEN_NAME,
    CREDENTIAL_HEADER_NAMES,
    CREDENTIAL_HEADERS,
)


def test_the_list_has_every_header_that_identifies_a_caller_or_a_cart() -> None:
    assert CREDENTIAL_HEADERS == ("Authorization", "X-API-Key", "X-Cart-Token")
    assert (*CALLER_HEADERS, CART_TOKEN) == CREDENTIAL_HEADERS
    assert set(CREDENTIAL_HEADER_NAMES) == {*CALLER_HEADER_NAMES, CART_TOKEN_NAME}


@pytest.mark.parametrize("header", CREDENTIAL_HEADERS)
async def test_each_of_them_is_in_vary_and_allowed_across_origins(header: str) -> None:
    shopper = client(cors_origins=("https://storefront.test",))
    answer = await shopper.get("/v1/products")
    assert header in answer.headers["vary"].split(", ")
    preflight = {"origin": "https://storefront.test", "access-control-request-method": "GET"}
    allowed = (await shopper.options("/v1/products", headers=preflight)).headers["access-control-allow-headers"]
    assert header in allowed.split(", ")


def test_the_guide_on_caching_names_the_headers_of_vary() -> None:
    text = " ".join((FOLDER / "caching.md").read_text().split())
    assert f"`Vary` is `{VARY_FIELDS.decode()}`" in text
