"""The files behind the pages: they come from this package alone, and once asked for are sent from memory."""

import gzip
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
MEDIA = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
}
GET_AND_HEAD = [HttpMethod.GET, HttpMethod.HEAD]

# Pages name an asset with the digest of its bytes, so a browser may keep it: a new release has new addresses.
LASTING = (b"cache-control", b"public, max-age=604800")


class Asset:
    """One file, read and unpacked when it is first asked for: the bundles are 2 MB as they are kept and 7 MB unpacked, and most processes never show them."""

    __slots__ = ("digest", "media", "name", "path", "ready")

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.name.removesuffix(".gz")
        self.digest = xxh3_64_hexdigest(path.read_bytes())  # of the bytes as they are kept
        self.media = MEDIA[Path(self.name).suffix]
        self.ready: Response | None = None

    @property
    def href(self) -> str:
        """The address that changes with the bytes."""
        return f"/docs/assets/{self.name}?v={self.digest}"

    def response(self) -> Response:
        """The file; callers that take gzip get the bytes as they are kept."""
        if self.ready is None:
            kept, packed = self.path.read_bytes(), self.path.suffix == ".gz"
            plain = gzip.decompress(kept) if packed else kept
            self.ready = Response(200, plain, self.media, [LASTING], f'"{self.digest}"'.encode(), keep_encodings=True)
            if packed and self.ready.encodings is not None:
                self.ready.encodings[b"gzip"] = kept
        return self.ready


type Assets = dict[str, Asset]


def load_assets(folder: Path = FOLDER) -> Assets:
    """All files of the folder that have a media type, by name."""
    found = (Asset(path) for path in sorted(folder.iterdir()) if Path(path.name.removesuffix(".gz")).suffix in MEDIA)
    return {asset.name: asset for asset in found}


def asset_routes(assets: Assets) -> list[HTTPRouteHandler]:
    """`/docs/assets/{name}`, and the two addresses under which browsers look for an icon."""

    @route("/docs/assets/{name:str}", http_method=GET_AND_HEAD, include_in_schema=False)
    async def asset(request: Request[Any, Any, Any]) -> ASGIApp:
        if (found := assets.get(request.path_params["name"])) is None:
            raise NotFound("There is no such asset.")
        return found.response()

    @route(["/favicon.ico", "/favicon.svg"], http_method=GET_AND_HEAD, include_in_schema=False)
    async def favicon(request: Request[Any, Any, Any]) -> ASGIApp:
        return assets["favicon.svg"].response()

    return [asset, favicon]
