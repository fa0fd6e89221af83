"""The static files of the pages: read from this package on first use, then sent from memory."""

import gzip
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Request, route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from xxhash import xxh3_64_hexdigest

from tradepost.kit.problems import NotFound

from ..http.response import Response

FOLDER = Path(__file__).parent / "assets"
MEDIA_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
}
GET_AND_HEAD = [HttpMethod.GET, HttpMethod.HEAD]

# The URL of an asset holds the digest of its bytes, so browsers may cache it for long: a new
# release has new URLs.
CACHE_CONTROL = (b"cache-control", b"public, max-age=604800")


class Asset:
    """A static file, decompressed on first use.

    The bundles take 2 MB compressed and 7 MB decompressed, and most processes never send them.
    """

    __slots__ = ("_response", "digest", "media_type", "name", "path")

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name.removesuffix(".gz")
        self.digest = xxh3_64_hexdigest(path.read_bytes())  # of the compressed bytes
        self.media_type = MEDIA_TYPES[Path(self.name).suffix]
        self._response: Response | None = None

    @property
    def href(self) -> str:
        """The URL, which changes with the content."""
        return f"/docs/assets/{self.name}?v={self.digest}"

    def response(self) -> Response:
        """Return the file; clients that accept gzip get the stored bytes."""
        if self._response is None:
            content, is_compressed = self.path.read_bytes(), self.path.suffix == ".gz"
            body = gzip.decompress(content) if is_compressed else content
            etag = f'"{self.digest}"'.encode()
            self._response = Response(200, body, self.media_type, [CACHE_CONTROL], etag, keep_encodings=True)
            if is_compressed and self._response.encodings is not None:
                self._response.encodings[b"gzip"] = content
        return self._response


@cache
def stylesheet() -> str:
    """Return the URL of the stylesheet of the pages."""
    return Asset(FOLDER / "pages.css").href


type Assets = dict[str, Asset]


def load_assets(folder: Path = FOLDER) -> Assets:
    """Return the files of the folder that have a known media type, by name."""
    paths = sorted(folder.iterdir())
    assets = (Asset(path) for path in paths if Path(path.name.removesuffix(".gz")).suffix in MEDIA_TYPES)
    return {asset.name: asset for asset in assets}


def asset_routes(assets: Assets) -> list[HTTPRouteHandler]:
    """Return the routes of `/docs/assets/{name}` and of the favicon."""

    @route("/docs/assets/{name:str}", http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_asset(request: Request[Any, Any, Any]) -> ASGIApp:
        if (asset := assets.get(request.path_params["name"])) is None:
            raise NotFound("There is no such asset.")
        return asset.response()

    @route(["/favicon.ico", "/favicon.svg"], http_method=GET_AND_HEAD, include_in_schema=False)
    async def serve_favicon(request: Request[Any, Any, Any]) -> ASGIApp:
        return assets["favicon.svg"].response()

    return [serve_asset, serve_favicon]
