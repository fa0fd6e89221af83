"""The guides: Markdown files of the package, rendered without any other host."""

import re
from pathlib import Path

import pytest

from tests.architecture.language import faults
from tests.doors.pages.pages_app import BROWSER, pages_app
from tradepost.doors.pages.guides import FOLDER, load_guides, render_markdown

NAMES = sorted(path.stem for path in FOLDER.glob("*.md"))


async def test_the_list_links_to_every_guide_with_its_title_and_summary() -> None:
    async with pages_app() as client:
        answer = await client.get("/docs/guides", headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert len(NAMES) > 5
    for name, guide in load_guides().items():
        assert f'<h2><a href="/docs/guides/{name}">{guide.title}</a></h2><p>{guide.summary}</p>' in answer.text


@pytest.mark.parametrize("name", NAMES)
async def test_a_guide_is_an_html_page_that_loads_nothing_from_other_hosts(name: str) -> None:
    async with pages_app() as client:
        answer = await client.get(f"/docs/guides/{name}", headers=BROWSER)
        links = re.findall(r'(?:href|src)="([^"]*)"', answer.text)
        guides = {link for link in links if link.startswith("/docs/guides")}
        assert {(await client.get(link)).status_code for link in guides} == {200}
    assert answer.status_code == 200
    assert f"<h1>{load_guides()[name].title}</h1>" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert all(re.match(r"/(?!/)", link) for link in links), links
    assert not re.search(r"^(#|\||```)", answer.text, re.MULTILINE), "Markdown is left over"


@pytest.mark.parametrize("name", ["unknown", "caching.md", "..%2Fguides.py", "%3Cscript%3E"])
async def test_an_unknown_guide_is_a_problem(name: str) -> None:
    async with pages_app() as client:
        answer = await client.get(f"/docs/guides/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/docs", "/docs/graphql", "/problems", "/"])
async def test_the_pages_link_to_the_guides(path: str) -> None:
    async with pages_app() as client:
        answer = await client.get(path, headers={"accept": "text/html"})
    assert '<a href="/docs/guides">Guides</a>' in answer.text


async def test_a_guide_that_the_client_has_is_not_sent_again() -> None:
    async with pages_app() as client:
        first = await client.get("/docs/guides/caching", headers=BROWSER)
        again = await client.get("/docs/guides/caching", headers=BROWSER | {"if-none-match": first.headers["etag"]})
    assert (first.headers["cache-control"], again.status_code) == ("public, max-age=3600", 304)


def test_html_is_escaped_and_unsafe_links_are_text() -> None:
    guide = render_markdown("# A & B\n\nA <b>summary</b>.\n\n<script>1</script>\n\n[x](javascript:1) [y](caching.md)\n")
    assert guide.title == "A & B"
    assert guide.summary == "A &lt;b&gt;summary&lt;/b&gt;."
    assert "<script" not in guide.body
    assert 'href="javascript' not in guide.body
    assert '<a href="/docs/guides/caching">y</a>' in guide.body


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_is_plain_english_and_its_links_lead_to_files(name: str) -> None:
    text = Path(FOLDER / f"{name}.md").read_text()
    assert list(faults(text)) == []
    assert max(len(line) for line in text.splitlines() if not line.startswith("|")) <= 120
    for target in re.findall(r"\]\(([^)]*)\)", text):
        assert (FOLDER / target).is_file(), target
