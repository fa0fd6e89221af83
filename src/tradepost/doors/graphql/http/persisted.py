"""Documents by their hash: trusted documents, and automatic persisted queries (Apollo's APQ).

A client sends only the SHA-256. If it is unknown, the response is `PERSISTED_QUERY_NOT_FOUND`; the
client then sends hash and text once, and after that the hash is enough. A text is stored only
after it has been parsed, validated and paid for like any other, so nobody can fill the store for
free. Each process keeps the last 2 MB of texts, and those of their documents that it has used last.
With Redis, all processes also share the texts; a text from Redis is compared with its hash, then
parsed like any other.
"""

import sys
from hmac import compare_digest

from tradepost.kit.lru import LRUCache
from tradepost.kit.problems import InvalidParameter
from tradepost.kit.redis.document_store import DocumentStore

from ..documents.document import Document, ParsedDocument
from ..documents.requests import RequestParameters
from ..documents.trusted import sha256_hex
from ..execution.executor import Executor
from ..problems import DocumentNotTrusted, PersistedQueryMismatch, PersistedQueryNotFound, PersistedQueryNotSupported
from .request_parser import requested_digest

MAX_TEXTS_BYTES = 2 * 1024 * 1024


class PersistedQueries:
    """The documents that can be called by their hash. Without APQ these are the trusted ones.

    recent: the persisted texts by hash. Their documents are in the executor's cache.
    """

    def __init__(self, executor: Executor, *, apq: bool = False, document_store: DocumentStore | None = None) -> None:
        self.executor, self.apq = executor, apq and not executor.trusted_only
        self.document_store = document_store if self.apq else None
        self.recent = LRUCache[str, str]("persisted_queries", MAX_TEXTS_BYTES, lambda digest, text: sys.getsizeof(text))

    async def resolve(self, request: RequestParameters) -> tuple[str | None, Document | None]:
        """Return the hash in the request and its document, or raise a Problem.

        If the document is None, it has to be parsed from `request.query`, which this method sets
        if the text is in Redis.
        """
        digest = requested_digest(request)
        if digest is None:
            if not request.query:
                if self.executor.trusted_only:
                    raise DocumentNotTrusted
                raise InvalidParameter("`query`, the GraphQL document, is missing.", parameter="query")
            return None, None
        document = self.executor.trusted_documents.by_digest.get(digest)
        if document is not None:
            if request.query and self.executor.trusted_documents.by_text.get(request.query) is not document:
                raise PersistedQueryMismatch
            return digest, document
        if self.apq:
            return digest, await self._resolve_apq(digest, request)
        if not request.query:
            raise DocumentNotTrusted if self.executor.trusted_only else PersistedQueryNotSupported
        return None, None

    async def _resolve_apq(self, digest: str, request: RequestParameters) -> Document | None:
        """Return the document if this process has it, else make sure the request has the text."""
        recent = self.recent.get(digest)
        if request.query:
            if recent != request.query and not has_digest(request.query, digest):
                raise PersistedQueryMismatch
        elif recent is not None:
            request.query = recent
        else:
            request.query = await self.document_store.get(digest) if self.document_store is not None else None
            if not request.query or not has_digest(request.query, digest):
                raise PersistedQueryNotFound
        return self.executor.documents.get(request.query)

    def store(self, digest: str | None, request: RequestParameters, document: ParsedDocument) -> None:
        """Store a text that was sent with its hash, after it has been parsed and paid for."""
        if self.apq and digest is not None and not document.trusted and digest not in self.recent and request.query:
            self.recent.put(digest, request.query)
            if self.document_store is not None:
                self.document_store.store(digest, request.query)


def has_digest(text: str, digest: str) -> bool:
    """Return whether a text has this SHA-256."""
    return compare_digest(sha256_hex(text), digest)
