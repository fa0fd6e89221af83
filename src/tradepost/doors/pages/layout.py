"""The layout of the HTML pages: no template engine, no inline scripts, no inline styles."""

import re
from html import escape
from string import Template

HTML = b"text/html; charset=utf-8"

# For text pages; the bundled tools need a wider policy (docs.py).
TEXT_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)

DOCUMENT = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
$head<link rel="stylesheet" href="$stylesheet">
</head>
<body$body_class>
$body
</body>
</html>
""")
HEADER = Template("""\
<header class="bar">
<a class="name" href="/"><img src="/favicon.svg" alt="" width="22" height="22">Tradepost</a>
<nav aria-label="Documentation">$links</nav>
</header>
""")

LINKS = {"/docs": "REST", "/docs/graphql": "GraphQL", "/docs/guides": "Guides", "/problems": "Problems"}


def render_page(title: str, body: str, *, path: str, stylesheet: str, head: str = "", body_class: str = "") -> bytes:
    """Return the HTML document of a page with the navigation.

    path: the page's own path, to mark it in the navigation.
    """
    links = " ".join(
        f'<a href="{href}"{" aria-current=page" if href == path else ""}>{name}</a>' for href, name in LINKS.items()
    )
    header = HEADER.substitute(links=links)
    return render_document(title, header + body, stylesheet=stylesheet, head=head, body_class=body_class)


def render_document(title: str, body: str, *, stylesheet: str, head: str = "", body_class: str = "") -> bytes:
    """Return a complete HTML document.

    title: plain text.
    body, head: HTML.
    """
    class_attribute = f' class="{body_class}"' if body_class else ""
    return DOCUMENT.substitute(
        title=escape(title), head=head, stylesheet=stylesheet, body_class=class_attribute, body=body
    ).encode()


def docstring_html(text: str) -> str:
    """Return a docstring as HTML: escaped, with text in backticks as `code` elements."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))
