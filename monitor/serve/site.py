"""The addresses of the served monitor, and where its visitors come from."""

from urllib.parse import urlsplit

from aiohttp import web

from models.serving.addresses import visitor_address
from monitor.serve.origins import is_own_page, parse_origin


class Site:
    """The address that browsers use, `public`, or none but that on which the server listens.

    With a public address there is a proxy, which says on whose behalf it asks (X-Forwarded-For).
    """

    def __init__(self, public: str) -> None:
        self._public = parse_origin(public)
        self._has_proxy = bool(public)
        self.folder = urlsplit(public).path.rstrip("/")

    def path(self, request: web.Request) -> str:
        """Return the path of a request without the folder that a proxy may have left in it."""
        path = request.path
        is_in_folder = path == self.folder or path.startswith(f"{self.folder}/")
        return path.removeprefix(self.folder) if is_in_folder else path

    def is_own_page(self, request: web.Request) -> bool:
        """Return whether a page of ours asks: another site's must not log in, act or open a tab.

        Whoever only follows a link to the page may come from anywhere. Programs that are no browser
        say nothing.
        """
        if request.method == "GET" and self.path(request) != "/ws":
            return True
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
        return is_own_page(origin, request.headers.get("Host", ""), self._public)

    def is_behind_tls(self, request: web.Request) -> bool:
        """Return whether the visitor's browser came by https: a tunnel may lead past the proxy."""
        origin = parse_origin(request.headers.get("Origin", "")) or self._public
        return origin is not None and origin.scheme == "https"

    def address(self, request: web.Request) -> str:
        """Return the visitor's address, by the word of the proxy where there is one."""
        return visitor_address(request, has_proxy=self._has_proxy)
