"""The porch: what both doors share of HTTP, as plain ASGI. It imports neither door; both may import it.

    pipeline      one request from the request id to the access line     lanes         the hot paths that skip Litestar's routing
    reply         headers that every answer carries                      answer        ready bytes that send themselves, or 304
    versions      /v1, /v2 and X-API-Version                             negotiation   Accept, Accept-Encoding, Content-Type
    origins       allowed hosts, HTTPS redirect, CORS                    conditional   If-Match, If-None-Match and our tags
    proxies       the client behind a trusted proxy                      request       reading and decoding a body
    compression   the coders and what is worth coding                    paths         Allow, the answers to OPTIONS
    idempotency   Idempotency-Key and Idempotent-Replayed               repeats       answers of the read cache that are given again
    flight        the limits of requests in number and in time
    access_log    one line per request, written in batches               problem       problems as application/problem+json

Keys that the porch puts into the scope: `request_id` (str), `called` (the path as called, percent-encoded), `version` (1 or 2), `prefix`
("/v1", "/v2" or ""), `context` (kit.context.Context), `fields` (the header fields, see asgi.fields), `body_limit`
(bytes, where it is not the default), `words` (by which repeats know the request, where answers are kept).
"""
