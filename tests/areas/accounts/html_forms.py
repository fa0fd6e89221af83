"""The form of an HTML page, as a browser without JavaScript and a screen reader see it."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

VOID = frozenset({"input", "meta", "link", "br", "img"})


class FormPageReader(HTMLParser):
    """Reads a page: its language, title, form, labels, messages, and what it would run or load."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.language: str | None = None
        self.form: dict[str, str | None] | None = None
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.texts: dict[str, str] = {}
        self.text_by_id: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.links: list[str] = []
        self.alerts: list[str] = []
        self.active: list[str] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an element."""
        attributes = dict(attrs)
        if tag not in VOID:
            self._open.append((tag, attributes))
        self.active += [name for name in attributes if name.startswith("on") or name == "style"]
        if tag in ("script", "style", "iframe", "img"):
            self.active.append(tag)
        match tag:
            case "html":
                self.language = attributes.get("lang")
            case "form":
                self.form = attributes
            case "input":
                self.inputs[attributes["name"] or ""] = attributes
            case "a":
                self.links.append(attributes["href"] or "")
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        """Leave an element."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Collect a text under the elements around it."""
        for tag, attributes in self._open:
            self.texts[tag] = self.texts.get(tag, "") + data
            if (id := attributes.get("id")) is not None:
                self.text_by_id[id] = self.text_by_id.get(id, "") + data
        if self._open and self._open[-1][0] == "label":
            self.labels[self._open[-1][1]["for"] or ""] = data
        if self._open and self._open[-1][1].get("role") == "alert":
            self.alerts.append(data)

    def description(self, name: str) -> str:
        """Return the texts that are read out with an input."""
        ids = (self.inputs[name].get("aria-describedby") or "").split()
        return " ".join([self.text_by_id[id] for id in ids])

    async def submit(self, client: httpx.AsyncClient, **values: str) -> "FormPageReader":
        """Fill in the visible inputs and submit the form, as a browser does."""
        assert self.form is not None, self.answer.text
        assert self.form["method"] == "post"
        visible = {name for name, attributes in self.inputs.items() if attributes["type"] != "hidden"}
        assert values.keys() == visible
        fields = {name: attributes.get("value") or "" for name, attributes in self.inputs.items()}
        url = urljoin(str(self.answer.url), self.form["action"])
        # A page with `Referrer-Policy: no-referrer` makes browsers send this origin.
        return FormPageReader(await client.post(url, data=fields | values, headers={"Origin": "null"}))


async def open_page(client: httpx.AsyncClient, url: str) -> FormPageReader:
    """Open a link."""
    return FormPageReader(await client.get(url, headers={"Accept": "text/html"}))
