"""Every cache whose keys a client can choose is registered, with a budget in bytes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import tradepost.app  # noqa: F401  (it loads the modules with caches)
from tradepost.kit.cache_registry import FUNCTION_CACHES

SOURCE = Path(__file__).resolve().parents[2] / "src" / "tradepost"

NOT_CHOSEN_BY_A_CLIENT = {
    "kit/schema/merge_patch_type.py:merge_patch_type": "the Structs of the source",
    "kit/schema/validation.py:_validator": "the Structs of the source",
    "kit/schema/validation.py:_json_schema": "the Structs of the source",
    "kit/schema/validation.py:_has_secrets": "the Structs of the source",
    "kit/redis/url.py:tls_context": "the setting REDIS_URL",
    "kit/schema/preparation.py:type_rule": "the Structs of the source",
    "kit/cache/tracking_session.py:cascaded_tags": "the tables of the source",
    "kit/query/record_builder.py:_enum_names": "the enums of the source",
    "kit/query/statement.py:_literal_compiler": "the two dialects, with and without `limit`",
    "kit/operations/service.py:_leaf_columns": "the resources of the source",
    "kit/text/templates.py:template_environment": "the folders of templates",
    "kit/operations/idempotency/records.py:_claim_statement": "true and false",
    "doors/graphql/schema/access.py:permission_class": "the accesses of the source",
    "doors/graphql/schema/arguments.py:struct_converter": "the Structs of the source",
    "doors/graphql/http/endpoint.py:build_schema": "the declarations of the source",
    "doors/graphql/http/endpoint.py:timestamp": "64 seconds",
    "doors/graphql_names.py:camel": "names in the source",
    "doors/http/compression.py:is_compressible": "the media types of our responses",
    "doors/http/rate_limit_headers.py:policy_headers": "the sizes of buckets: 1,024 pairs of numbers",
    "doors/http/access_log.py:_format_second": "8 seconds",
    "doors/pages/guides.py:load_guides": "the folder of the guides",
    "areas/catalog/formats/woocommerce/columns.py:_file_columns": "the header of a file that the command imports",
    "areas/catalog/formats/woocommerce/columns.py:is_variant_column": "the header of a file that the command imports",
    "areas/catalog/formats/shopify_columns.py:is_variant_column": "the header of a file that the command imports",
    "areas/catalog/formats/numbers.py:possible_separators": "numbers of a file that the command imports",
    "areas/inventory/service/variant_stock.py:_query": "the two databases",
}
"""Functions with a cache that is not registered, and what its keys are instead."""


def cached_functions() -> Iterator[tuple[str, bool]]:
    """Yield every function with parameters and a cache, and whether the cache is registered."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            names = {decorator_name(d) for d in node.decorator_list}
            if names & {"cache", "lru_cache"} and has_parameters(node):
                yield f"{path.relative_to(SOURCE)}:{node.name}", "registered_cache" in names


def decorator_name(node: ast.expr) -> str:
    """Return the last name of a decorator: `lru_cache` for `@functools.lru_cache(8)`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def has_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function takes any argument."""
    arguments = node.args
    return bool(arguments.args or arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg)


def test_every_cached_function_is_registered_or_has_keys_that_no_client_chooses() -> None:
    functions = dict(cached_functions())
    assert {name for name, registered in functions.items() if not registered} == set(NOT_CHOSEN_BY_A_CLIENT)
    assert sum(functions.values()) >= 10


def test_a_registered_function_has_a_limited_number_of_entries() -> None:
    assert len(FUNCTION_CACHES) >= 10
    assert all(cache.function.cache_parameters()["maxsize"] for cache in FUNCTION_CACHES)


def test_a_cache_of_a_method_has_a_function_cache_next_to_it() -> None:
    """`lru_cache(256)(self.method)` belongs to an object, which has to register it."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        assert text.count(")(self.") - text.count("FunctionCache(") <= 0 or "lru_cache(" not in text, path


def test_every_ordered_dictionary_belongs_to_a_registered_cache() -> None:
    texts = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in SOURCE.rglob("*.py")}
    modules = {name for name, text in texts.items() if "OrderedDict[" in text}
    assert modules == {name for name in modules if "(Cache)" in texts[name]}
