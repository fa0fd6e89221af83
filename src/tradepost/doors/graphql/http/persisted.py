"""Documents by their hash: registered ones always, others where they may be persisted automatically (APQ, the protocol of Apollo's clients).

A client sends the SHA-256 alone. Where it is not known the answer is `PERSISTED_QUERY_NOT_FOUND`, the client sends hash and text once, and from then on
the hash will do. A text is kept only after it was read, validated and paid for as any other, so that nobody fills the store with junk. This process
keeps the last 1,000 with what was compiled of them; where there is Redis all processes share as many texts besides. What comes from there is held
against its hash, and is read here as any text is.
"""

from hmac import compare_digest
from typing import NamedTuple

from tradepost.kit.lru import Recent
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.redis.document_store import SharedTexts

from ..documents.document import Document
from ..documents.requests import Request
from ..documents.trusted import hashed
from ..execution.executor import Executor
from ..problems import DocumentNotTrusted, PersistedQueryMismatch, PersistedQueryNotFound, PersistedQueryNotSupported
from .request_parser import digest_of

MOST_PERSISTED = 1000


class Known(NamedTuple):
    """A persisted text, and the document that it is."""

    text: str
    document: Document


class Persisted:
    """The documents that one door knows by hash. Without `learns` these are the registered ones."""

    def __init__(self, executor: Executor, *, learns: bool = False, shared: SharedTexts | None = None) -> None:
        self.executor, self.learns = executor, learns and not executor.only
        self.shared = shared if self.learns else None
        self.own = Recent[str, Known](MOST_PERSISTED)

    async def find(self, request: Request) -> tuple[str | None, Document | None]:
        """The hash that a request names, and its document. Without a document it is to be read from the request's text, which may come from Redis;
        where there is no text either, this raises the problem."""
        digest = digest_of(request)
        if digest is None:
            if not request.query:
                raise (
                    DocumentNotTrusted
                    if self.executor.only
                    else InvalidParameter("`query` is missing: it is the GraphQL document.", parameter="query")
                )
            return None, None
        document = self.executor.registered.by_digest.get(digest)
        if document is not None:
            if request.query and self.executor.registered.by_text.get(request.query) is not document:
                raise PersistedQueryMismatch
            return digest, document
        if self.learns:
            return digest, await self.learnt(digest, request)
        if not request.query:
            raise DocumentNotTrusted if self.executor.only else PersistedQueryNotSupported
        return None, None

    async def learnt(self, digest: str, request: Request) -> Document | None:
        """The document that this process has by a hash; else the request has the text to read once this is done."""
        known = self.own.find(digest)
        if request.query:
            same = known is not None and known.text == request.query
            if not same and not fits(digest, request.query):
                raise PersistedQueryMismatch
        elif known is None:
            request.query = await self.shared.find(digest) if self.shared is not None else None
            if not request.query or not fits(digest, request.query):
                raise PersistedQueryNotFound
        return known.document if known is not None else None

    def keep(self, digest: str | None, request: Request, document: Document) -> None:
        """Keeps a text that came with its hash, now that it has been read and paid for."""
        if self.learns and digest is not None and not document.trusted and digest not in self.own and request.query:
            known = Known(request.query, document)
            self.own.get(digest, lambda: known)
            if self.shared is not None:
                self.shared.keep(digest, request.query)


def fits(digest: str, text: str) -> bool:
    """Whether a text has this hash."""
    return compare_digest(hashed(text), digest)
