"""The documentation pages: complete on this host, closed to every other."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.doors.pages.pages_app import BROWSER, STAFF, pages_app
from tradepost.doors.pages.assets import load_assets
from tradepost.doors.pages.docs import TOOL_POLICY, graphiql_page

PAGES = ["/docs", "/docs/graphql", "/problems", "/problems/not_found", "/"]
LOADS = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "a": "href", "form": "action"}


class Addresses(HTMLParser):
    """Collects what a page loads or leads to, and what stands inline in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes the address of an element."""
        said = dict(attrs)
        if address := said.get(LOADS.get(tag, "")):
            self.found.append(address)
        self.inline += [name for name in said if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in said):
            self.inline.append(tag)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_names_no_other_host_and_holds_nothing_inline(path: str) -> None:
    async with pages_app() as client:
        answer = await client.get(path, headers={"accept": "text/html"})
    page = Addresses(answer.text)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert page.found
    assert all(re.match(r"/(?!/)", address) for address in page.found), page.found
    assert page.inline == []


@pytest.mark.parametrize("path", PAGES)
async def test_all_that_a_page_loads_is_there(path: str) -> None:
    async with pages_app() as client:
        page = Addresses((await client.get(path, headers={"accept": "text/html"})).text)
        wanted = [address for address in page.found if "/assets/" in address or "favicon" in address]
        assert {(await client.get(address)).status_code for address in wanted} == {200}


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_lets_scripts_and_requests_go_to_this_host_alone(path: str) -> None:
    async with pages_app() as client:
        policy = (await client.get(path, headers={"accept": "text/html"})).headers["content-security-policy"]
    rules = {name: sources.split() for name, _, sources in (rule.strip().partition(" ") for rule in policy.split(";"))}
    assert rules["default-src"] == ["'none'"]
    assert rules["frame-ancestors"] == ["'none'"]
    assert rules.get("script-src", ["'self'"]) == ["'self'"]
    assert {source for sources in rules.values() for source in sources} <= {
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "data:",
        "blob:",
    }


def test_the_stylesheets_load_nothing_but_what_they_hold() -> None:
    for name, asset in load_assets().items():
        if name.endswith(".css"):
            text = asset.response().body.decode()
            assert "@font-face" not in text
            assert not re.search(r"@import", text)
            assert all(address.startswith("data:") for address in re.findall(r"url\([\"']?([^\"')]*)", text)), name


def test_the_bundles_ask_this_host_and_carry_no_fonts() -> None:
    assets = load_assets()
    scalar, graphiql = assets["scalar.js"].response().body.decode(), assets["graphiql.js"].response().body.decode()
    started = scalar[scalar.rindex('"#page"') :]
    for setting in (
        'url:"/v1/openapi.json"',
        'url:"/v2/openapi.json"',
        "telemetry:!1",
        "withDefaultFonts:!1",
        'proxyUrl:""',
        "agent:{disabled:!0}",
        "mcp:{disabled:!0}",
    ):
        assert setting in started
    assert 'url:"/graphql"' in graphiql
    assert "fonts.scalar.com" not in scalar
    assert "@font-face{" not in scalar + graphiql


def test_the_licence_of_every_bundled_tool_is_kept_with_it() -> None:
    text = load_assets()["LICENSES.txt"].response().body.decode()
    for name in ("@scalar/api-reference 1.72.1", "graphiql 4.1.2", "react 19.2.0", "graphql 16.11.0"):
        assert f"{name} (MIT)" in text


def test_all_assets_together_stay_small() -> None:
    assert sum(asset.path.stat().st_size for asset in load_assets().values()) < 3_000_000


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br", "identity"])
async def test_a_bundle_comes_whole_in_every_coding_and_is_not_sent_twice(coding: str) -> None:
    asset = load_assets()["graphiql.js"]
    async with pages_app() as client:
        first = await client.get(asset.href, headers={"accept-encoding": coding})
        again = await client.get(
            asset.href, headers={"accept-encoding": coding, "if-none-match": first.headers["etag"]}
        )
    assert first.headers.get("content-encoding", "identity") == coding
    assert first.content == asset.response().body
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "max-age" in first.headers["cache-control"]
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fdocs.py", "README.md", "scalar.js.gz"])
async def test_what_is_no_asset_is_not_found(name: str) -> None:
    async with pages_app() as client:
        assert (await client.get(f"/docs/assets/{name}")).status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/docs/graphql"])
async def test_the_tools_are_hidden_from_strangers_where_introspection_is_off(path: str) -> None:
    async with pages_app(introspection=False) as stranger, pages_app(introspection=False, caller=STAFF) as member:
        assert (await stranger.get(path, headers=BROWSER)).status_code == 404
        assert (await member.get(path, headers=BROWSER)).status_code == 200


async def test_the_tools_are_kept_by_no_shared_cache() -> None:
    async with pages_app() as client:
        assert (await client.get("/docs", headers=BROWSER)).headers["cache-control"] == "private, no-cache"


def test_the_graphql_door_gets_the_same_page() -> None:
    page = graphiql_page().decode()
    assert load_assets()["graphiql.js"].href in page
    assert b"connect-src 'self'" in TOOL_POLICY


@pytest.mark.parametrize(
    "path", [*PAGES, "/favicon.svg", "/favicon.ico", "/robots.txt", "/health/live", "/health/ready"]
)
async def test_head_answers_like_get_without_a_body(path: str) -> None:
    async with pages_app() as client:
        got, head = await client.get(path), await client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""

    def told(answer: Any) -> dict[str, str]:
        return dict(answer.headers)

    assert told(head) == told(got)
