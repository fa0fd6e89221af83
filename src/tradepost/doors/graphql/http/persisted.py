"""Documents by their hash: registered ones always, others where they may be persisted automatically (APQ, the protocol of Apollo's clients).

A client sends the SHA-256 alone. Where it is not known the answer is `PERSISTED_QUERY_NOT_FOUND`, the client sends hash and text once, and from then on
the hash will do. A text is kept only after it was read, validated and paid for as any other, so that nobody fills the store with junk. This process
keeps the last 1,000 with what was compiled of them; where there is Redis all processes share as many texts besides. What comes from there is held
against its hash, and is read here as any text is.
"""

from hmac import compare_digest
from typing import NamedTuple

from tradepost.kit.lru import LRUCache
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.redis.document_store import DocumentStore

from ..documents.document import Document
from ..documents.requests import RequestParameters
from ..documents.trusted import sha256_hex
from ..execution.executor import Executor
from ..problems import DocumentNotTrusted, PersistedQueryMismatch, PersistedQueryNotFound, PersistedQueryNotSupported
from .request_parser import requested_digest

MOST_PERSISTED = 1000


class Known(NamedTuple):
    """A persisted text, and the document that it is."""

    text: str
    document: Document


class PersistedQueries:
    """The documents that one door knows by hash. Without `learns` these are the registered ones."""

    def __init__(self, executor: Executor, *, apq: bool = False, document_store: DocumentStore | None = None) -> None:
        self.executor, self.learns = executor, apq and not executor.trusted_only
        self.document_store = document_store if self.learns else None
        self.recent = LRUCache[str, Known](MOST_PERSISTED)

    async def resolve(self, request: RequestParameters) -> tuple[str | None, Document | None]:
        """The hash that a request names, and its document. Without a document it is to be read from the request's text, which may come from Redis;
        where there is no text either, this raises the problem."""
        digest = requested_digest(request)
        if digest is None:
            if not request.query:
                raise (
                    DocumentNotTrusted
                    if self.executor.trusted_only
                    else InvalidParameter("`query` is missing: it is the GraphQL document.", parameter="query")
                )
            return None, None
        document = self.executor.trusted_documents.by_digest.get(digest)
        if document is not None:
            if request.query and self.executor.trusted_documents.by_text.get(request.query) is not document:
                raise PersistedQueryMismatch
            return digest, document
        if self.learns:
            return digest, await self.learnt(digest, request)
        if not request.query:
            raise DocumentNotTrusted if self.executor.trusted_only else PersistedQueryNotSupported
        return None, None

    async def learnt(self, digest: str, request: RequestParameters) -> Document | None:
        """The document that this process has by a hash; else the request has the text to read once this is done."""
        known = self.recent.get(digest)
        if request.query:
            same = known is not None and known.text == request.query
            if not same and not fits(digest, request.query):
                raise PersistedQueryMismatch
        elif known is None:
            request.query = await self.document_store.get(digest) if self.document_store is not None else None
            if not request.query or not fits(digest, request.query):
                raise PersistedQueryNotFound
        return known.document if known is not None else None

    def store(self, digest: str | None, request: RequestParameters, document: Document) -> None:
        """Keeps a text that came with its hash, now that it has been read and paid for."""
        if self.learns and digest is not None and not document.trusted and digest not in self.recent and request.query:
            known = Known(request.query, document)
            self.recent.get_or_create(digest, lambda: known)
            if self.document_store is not None:
                self.document_store.store(digest, request.query)


def fits(digest: str, text: str) -> bool:
    """Whether a text has this hash."""
    return compare_digest(sha256_hex(text), digest)
