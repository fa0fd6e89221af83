"""The documentation pages load everything from this host and nothing from others."""

import re
from html.parser import HTMLParser

import pytest

from tests.doors.pages.pages_app import BROWSER, STAFF, pages_app
from tradepost.doors.pages.assets import load_assets
from tradepost.doors.pages.docs import TOOL_POLICY, graphiql_page

PAGES = ["/docs", "/docs/graphql", "/problems", "/problems/not_found", "/"]
URL_ATTRIBUTES = {
    "link": "href",
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "a": "href",
    "form": "action",
}


class PageLinks(HTMLParser):
    """Collects the URLs of a page, and its inline scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the URL and the inline parts of an element."""
        attributes = dict(attrs)
        if url := attributes.get(URL_ATTRIBUTES.get(tag, "")):
            self.urls.append(url)
        self.inline += [name for name in attributes if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in attributes):
            self.inline.append(tag)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_links_to_no_other_host_and_has_nothing_inline(path: str) -> None:
    async with pages_app() as client:
        answer = await client.get(path, headers={"accept": "text/html"})
    page = PageLinks(answer.text)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert page.urls
    assert all(re.match(r"/(?!/)", url) for url in page.urls), page.urls
    assert page.inline == []


@pytest.mark.parametrize("path", PAGES)
async def test_every_asset_of_a_page_exists(path: str) -> None:
    async with pages_app() as client:
        page = PageLinks((await client.get(path, headers={"accept": "text/html"})).text)
        assets = [url for url in page.urls if "/assets/" in url or "favicon" in url]
        assert {(await client.get(url)).status_code for url in assets} == {200}


@pytest.mark.parametrize("path", PAGES)
async def test_the_policy_of_a_page_allows_only_this_host(path: str) -> None:
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


def test_the_stylesheets_load_no_other_files() -> None:
    stylesheets = {name: asset for name, asset in load_assets().items() if name.endswith(".css")}
    assert stylesheets
    for name, asset in stylesheets.items():
        text = asset.response().body.decode()
        assert "@font-face" not in text
        assert not re.search(r"@import", text)
        assert all(url.startswith("data:") for url in re.findall(r"url\([\"']?([^\"')]*)", text)), name


def test_the_bundles_call_only_this_host_and_contain_no_fonts() -> None:
    assets = load_assets()
    scalar, graphiql = assets["scalar.js"].response().body.decode(), assets["graphiql.js"].response().body.decode()
    settings = scalar[scalar.rindex('"#page"') :]
    for setting in (
        'url:"/v1/openapi.json"',
        'url:"/v2/openapi.json"',
        "telemetry:!1",
        "withDefaultFonts:!1",
        'proxyUrl:""',
        "agent:{disabled:!0}",
        "mcp:{disabled:!0}",
    ):
        assert setting in settings
    assert 'url:"/graphql"' in graphiql
    assert "fonts.scalar.com" not in scalar
    assert "@font-face{" not in scalar + graphiql


def test_the_licence_of_every_bundled_tool_is_included() -> None:
    text = load_assets()["LICENSES.txt"].response().body.decode()
    for name in ("@scalar/api-reference 1.72.1", "graphiql 4.1.2", "react 19.2.0", "graphql 16.11.0"):
        assert f"{name} (MIT)" in text


def test_the_assets_are_smaller_than_3_mb_in_total() -> None:
    assert sum(asset.path.stat().st_size for asset in load_assets().values()) < 3_000_000


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br", "identity"])
async def test_a_bundle_is_served_in_every_coding_and_a_known_etag_is_304(coding: str) -> None:
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
async def test_a_file_that_is_not_an_asset_is_404(name: str) -> None:
    async with pages_app() as client:
        assert (await client.get(f"/docs/assets/{name}")).status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/docs/graphql"])
async def test_without_introspection_the_tools_are_hidden_from_anonymous_callers(path: str) -> None:
    async with pages_app(introspection=False) as anonymous, pages_app(introspection=False, caller=STAFF) as member:
        assert (await anonymous.get(path, headers=BROWSER)).status_code == 404
        assert (await member.get(path, headers=BROWSER)).status_code == 200


async def test_the_tools_are_not_stored_by_shared_caches() -> None:
    async with pages_app() as client:
        assert (await client.get("/docs", headers=BROWSER)).headers["cache-control"] == "private, no-cache"


def test_the_graphiql_page_uses_the_bundled_script() -> None:
    page = graphiql_page().decode()
    assert load_assets()["graphiql.js"].href in page
    assert b"connect-src 'self'" in TOOL_POLICY


@pytest.mark.parametrize(
    "path", [*PAGES, "/favicon.svg", "/favicon.ico", "/robots.txt", "/health/live", "/health/ready"]
)
async def test_head_has_status_and_headers_of_get_without_a_body(path: str) -> None:
    async with pages_app() as client:
        got, head = await client.get(path), await client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert dict(head.headers) == dict(got.headers)
