"""HTTP code shared by REST and GraphQL, as plain ASGI. It imports neither of them.

    pipeline             one request, from its id to its access log entry
    asgi                 ASGI types, request headers by name
    request_body         reading and decoding a body
    response             a ready response: compression, ETag and 304
    response_sender      sends a response with the headers that every response has
    response_cache       stored responses to anonymous requests
    problem_responses    problems as application/problem+json
    problem_reference    descriptions of all problems, for the docs and OpenAPI
    cache_policy         Cache-Control

    fast_path            routes served without Litestar's router
    allowed_methods      OPTIONS and Allow
    api_version          /v1, /v2 and X-API-Version
    negotiation          Accept, Accept-Encoding, Content-Type
    conditional          ETag, If-Match and If-None-Match
    compression          zstd, br and gzip
    idempotency_header   Idempotency-Key and Idempotent-Replayed

    allowed_hosts        the Host header
    https_redirect       redirects from http to https
    cors                 cross-origin requests
    trusted_proxies      the client's address behind a proxy
    in_flight            limits on the number of requests and on their duration
    rate_limit_headers   charging a request, RateLimit headers

    access_log           one entry per request, written in batches
    metrics              Prometheus metrics

Keys that the pipeline adds to the ASGI scope:

    request_id       str
    original_path    str: the path as requested, percent-encoded, with the version prefix
    version          int: 1 or 2
    prefix           str: "/v1", "/v2", or "" without a prefix
    context          kit.writes.call_context.CallContext
    request_headers  headers by lower-case name, see asgi.request_headers
    path_template    str: the matched route's path template
    body_limit       int: bytes, only if it is not the default
    cache_key        tuple: the request's key in the response cache, only if it may be stored there
"""
