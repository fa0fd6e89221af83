"""Trusted documents: the `.graphql` files of one folder, with one named query each.

They are checked and compiled at startup. A file has the name of its query: `ProductCard.graphql`
contains `query ProductCard` and its fragments. Clients call it by its name
(`GET /v1/documents/ProductCard`), by its SHA-256 or by its text. The hash is that of the file, as
`sha256sum` prints it. Clients' tools hash the text without surrounding white space or as printed
by GraphQL's printer, so these hashes are accepted too.
"""

from collections.abc import Iterable
from hashlib import sha256

from graphql import print_ast

from .document import Document


class TrustedDocumentError(Exception):
    """A file that is not a valid trusted document. The message names the file, line and fault."""


class TrustedDocuments:
    """The trusted documents by name, by text and by hash.

    digests: the hash of each file, by name.
    """

    def __init__(self, documents: Iterable[tuple[str, str, Document]] = ()) -> None:
        """`documents`: names, texts and documents."""
        self.by_name: dict[str, Document] = {}
        self.by_text: dict[str, Document] = {}
        self.by_digest: dict[str, Document] = {}
        self.digests: dict[str, str] = {}
        for name, text, document in documents:
            self.by_name[name], self.digests[name] = document, sha256_hex(text)
            for variant in (text, text.strip(), print_ast(document.parsed.ast)):
                self.by_text[variant] = self.by_digest[sha256_hex(variant)] = document


NO_DOCUMENTS = TrustedDocuments()


def sha256_hex(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
