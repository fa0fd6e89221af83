"""The frame of the pages that we write ourselves: HTML without a template engine, inline scripts or inline styles."""

import re
from html import escape
from string import Template

HTML = b"text/html; charset=utf-8"

# For pages of text; the bundled tools have a wider one (docs.py).
TEXT_POLICY = b"default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

FRAME = Template("""\
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
<body$kind>
<header class="bar">
<a class="name" href="/"><img src="/favicon.svg" alt="" width="22" height="22">Tradepost</a>
<nav aria-label="Documentation">$links</nav>
</header>
$body
</body>
</html>
""")

LINKS = {"/docs": "REST", "/docs/graphql": "GraphQL", "/problems": "Problems"}


def render_page(title: str, body: str, *, here: str, stylesheet: str, head: str = "", kind: str = "") -> bytes:
    """A whole document; `title` is plain text, `body` and `head` are HTML, `here` is the page's own path among the links of the bar."""
    links = " ".join(
        f'<a href="{path}"{" aria-current=page" if path == here else ""}>{name}</a>' for path, name in LINKS.items()
    )
    shown = f' class="{kind}"' if kind else ""
    return FRAME.substitute(
        title=escape(title), head=head, stylesheet=stylesheet, kind=shown, links=links, body=body
    ).encode()


def docstring_html(text: str) -> str:
    """Plain text of a docstring as HTML: escaped, with `code` between backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(" ".join(text.split())))
