"""The session that yfinance sends its requests with."""

import time
from typing import Any
from urllib.parse import urlsplit

from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import RequestException

from cluster.errors import DataError
from features.sources.answers import Answer, check_answer, why_unreachable
from features.sources.failures import NotServed, SourceDown

_SOURCE = "yahoo"


class ChartSession(Session):  # type: ignore[type-arg]
    """A browser-like session that is over in time, follows no redirect and remembers what failed.

    yfinance swallows most errors and reports them as an empty answer or a delisted symbol. What
    became of the chart itself is kept here. Cookies and crumbs are asked for too, and charts come
    without them.

    Args:
        base_url: Stands for all of the vendor's hosts; None: these.
    """

    def __init__(self, base_url: str | None) -> None:
        super().__init__(impersonate="chrome")
        self._base_url = base_url
        self.begin(0.0)

    def begin(self, seconds: float) -> None:
        """Forget what failed before, and give what follows so much time, all together."""
        self._ends = time.monotonic() + seconds
        self._failure: DataError | None = None

    def raise_failure(self) -> None:
        """Raise what the chart failed with.

        Raises:
            SourceDown: no usable answer.
            NotServed: Yahoo does not know the symbol, or does not serve the window.
        """
        if self._failure is not None:
            raise self._failure

    def request(self, method: Any, url: str, **options: Any) -> Response:  # type: ignore[override]
        """Send a request; see `curl_cffi.requests.Session.request`."""
        if isinstance(self._failure, NotServed):
            raise self._failure  # yfinance would ask other pages about the symbol
        left = self._ends - time.monotonic()
        is_chart = "/finance/chart/" in url
        try:
            if left <= 0:
                raise TimeoutError("timed out")
            answer: Response = super().request(
                method,
                self._address(url),
                **(options | {"timeout": left, "allow_redirects": False}),
            )
        except (RequestException, TimeoutError) as error:
            if is_chart:
                why = f"{urlsplit(url).hostname}: {why_unreachable(error)}"
                self._failure = SourceDown(_SOURCE, why)
            raise
        if is_chart:
            self._judge(answer)
        return answer

    def _judge(self, response: Response) -> None:
        """Keep what is wrong with a chart; a later good one makes up for it."""
        headers = {name: value or "" for name, value in response.headers.items()}
        try:
            check_answer(Answer(response.status_code, headers, response.content), _SOURCE)
        except DataError as failure:
            self._failure = failure
        else:
            self._failure = None

    def _address(self, url: str) -> str:
        if self._base_url is None:
            return url
        parts = urlsplit(url)
        return self._base_url.rstrip("/") + parts._replace(scheme="", netloc="").geturl()
