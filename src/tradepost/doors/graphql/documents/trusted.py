"""Registered documents: the `.graphql` files of one folder, one named query each, checked and compiled when the shop starts.

A file is called as its operation, so `ProductCard.graphql` holds `query ProductCard` with its fragments. It can be called by its name
(`GET /v1/documents/ProductCard`), by its SHA-256, or by its very text. The hash is that of the file as `sha256sum` tells it; those of the text without the
white space around it and as GraphQL's own printer lays it out are good as well, because that is what the clients' tools hash.
"""

from collections.abc import Iterable
from hashlib import sha256

from graphql import print_ast

from .document import Document


class TrustedDocumentError(Exception):
    """A file that cannot be registered. The text is one line: file, line, fault."""


class TrustedDocuments:
    """All registered documents; none of them is ever forgotten."""

    def __init__(self, found: Iterable[tuple[str, str, Document]] = ()) -> None:
        """`found` has names, texts and documents."""
        self.by_name: dict[str, Document] = {}
        self.by_text: dict[str, Document] = {}
        self.by_digest: dict[str, Document] = {}
        self.digests: dict[str, str] = {}
        for name, text, document in found:
            self.by_name[name], self.digests[name] = document, sha256_hex(text)
            for form in (text, text.strip(), print_ast(document.ast)):
                self.by_text[form] = self.by_digest[sha256_hex(form)] = document


NO_DOCUMENTS = TrustedDocuments()


def sha256_hex(text: str) -> str:
    """The SHA-256 of a text in UTF-8."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
