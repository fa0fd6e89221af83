"""`/docs/guides` and `/docs/guides/{name}`: the Markdown files of the folder `guides`, as HTML.

The files are also read in the repository, so they link to each other by file name. They are
rendered on first use: the Markdown parser takes 2 MB, and most processes never need it.
"""

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from litestar import Request, route
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from tradepost.kit.problems import NotFound

from ..http.conditional import entity_tag
from ..http.response import Response
from .assets import GET_AND_HEAD
from .layout import HTML, TEXT_POLICY, render_page

if TYPE_CHECKING:
    from markdown_it.token import Token

FOLDER, PATH = Path(__file__).parent / "guides", "/docs/guides"
LINK_TO_GUIDE = re.compile(r"([a-z-]+)\.md")


class Guide(NamedTuple):
    """A guide. `title` is plain text; `summary`, its first paragraph, and `body` are HTML."""

    title: str
    summary: str
    body: str


@cache
def load_guides(folder: Path = FOLDER) -> Mapping[str, Guide]:
    """Return the guides by name, in the order of their titles."""
    guides = {path.stem: render_markdown(path.read_text()) for path in folder.glob("*.md")}
    return dict(sorted(guides.items(), key=lambda item: item[1].title))


def render_markdown(text: str) -> Guide:
    """Render a text that begins with its title, as a heading, and a paragraph.

    HTML in the text is escaped.
    """
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token in tokens:
        _link_to_pages(token)
    title, summary = [token for token in tokens if token.type == "inline"][:2]
    body = markdown.renderer.render(tokens, markdown.options, {})
    return Guide(
        title.content,
        markdown.renderer.render([summary], markdown.options, {}),
        body.replace("<pre>", '<pre tabindex="0">'),  # scrollable by keyboard
    )


def _link_to_pages(token: "Token") -> None:
    """Turn links to the file of a guide into links to its page."""
    for child in token.children or ():
        if child.type == "link_open" and (match := LINK_TO_GUIDE.fullmatch(str(child.attrGet("href")))):
            child.attrSet("href", f"{PATH}/{match[1]}")


def _guide_list(stylesheet: str) -> bytes:
    """Return the HTML page of all guides."""
    items = "".join(
        f'<h2><a href="{PATH}/{name}">{escape(guide.title)}</a></h2><p>{guide.summary}</p>'
        for name, guide in load_guides().items()
    )
    body = f'<main class="text"><h1>Guides</h1>{items}</main>'
    return render_page("Guides - Tradepost", body, path=PATH, stylesheet=stylesheet)


def _guide_page(name: str, guide: Guide, stylesheet: str) -> bytes:
    """Return the HTML page of one guide."""
    body = f'<main class="text">{guide.body}<p><a href="{PATH}">All guides</a></p></main>'
    return render_page(f"{guide.title} - Tradepost", body, path=f"{PATH}/{name}", stylesheet=stylesheet)


def _response(page: bytes) -> Response:
    """Return the response, which is the same for all callers."""
    headers = [(b"cache-control", b"public, max-age=3600"), (b"content-security-policy", TEXT_POLICY)]
    return Response(200, page, HTML, headers, entity_tag(page))


def guide_routes(stylesheet: str) -> list[HTTPRouteHandler]:
    """Return the routes of the list and of the single guides; `stylesheet` is its URL."""

    @route(PATH, http_method=GET_AND_HEAD, include_in_schema=False)
    async def list_guides(request: Request[Any, Any, Any]) -> ASGIApp:
        return _response(_guide_list(stylesheet))

    @route(f"{PATH}/{{name:str}}", http_method=GET_AND_HEAD, include_in_schema=False)
    async def show_guide(request: Request[Any, Any, Any]) -> ASGIApp:
        name = request.path_params["name"]
        if (guide := load_guides().get(name)) is None:
            raise NotFound(f"No guide has this name; `{PATH}` lists all.")
        return _response(_guide_page(name, guide, stylesheet))

    return [list_guides, show_guide]
