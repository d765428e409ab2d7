"""The session that yfinance sends its requests with."""

import json
import time
from typing import Any
from urllib.parse import urlsplit

from curl_cffi import CurlOpt
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import RequestException

from cluster.errors import PloutosError
from features.sources.http.errors import SourceDown
from features.sources.http.responses import Answer, check_answer, unreachable

COOKIES_S = 2.0  # for all pages about cookies and crumbs, so that the chart has its time
_SOURCE = "yahoo"


class ChartSession(Session):  # type: ignore[type-arg]
    """A browser-like session that is over in time, follows no redirect and remembers what failed.

    yfinance swallows most errors and reports them as an empty answer or a delisted symbol. What
    became of the chart itself is kept here. Cookies and crumbs are asked for too, within
    `COOKIES_S` all together; charts come without them.

    Args:
        base_url: Stands for all of the vendor's hosts; None: these.
    """

    def __init__(self, base_url: str | None) -> None:
        direct = {CurlOpt.NOPROXY: "*"} if base_url else {}  # curl knows the proxies by itself
        super().__init__(impersonate="chrome", curl_options=direct)
        self._base_url = base_url
        self.begin(0.0)

    def begin(self, seconds: float) -> None:
        """Forget what failed before, and give what follows so much time, all together."""
        self._ends = time.monotonic() + seconds
        self._cookies_end = min(self._ends, time.monotonic() + COOKIES_S)
        self._failure: PloutosError | None = None
        self._over = False
        self.chart: dict[str, Any] | None = None  # what came, as it came

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
        if self._over:
            self.raise_failure()  # yfinance would go on asking other pages about the symbol
        is_chart = "/finance/chart/" in url
        try:
            answer = self._exchange(method, url, options, is_chart)
        except (RequestException, TimeoutError) as error:
            if is_chart:
                self._failure = unreachable(_SOURCE, urlsplit(url).hostname, error)
            raise
        if is_chart:
            self._judge(answer)
        return answer

    def _exchange(self, method: Any, url: str, options: dict[str, Any], is_chart: bool) -> Response:
        left = (self._ends if is_chart else self._cookies_end) - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        options = options | {"timeout": left, "allow_redirects": False}
        answer: Response = super().request(method, self._address(url), **options)
        return answer

    def _judge(self, response: Response) -> None:
        """Keep, and raise, what is wrong with a chart; a later good one makes up for a 401."""
        headers = {name: value or "" for name, value in response.headers.items()}
        try:
            check_answer(Answer(response.status_code, headers, response.content), _SOURCE)
            self.chart = _chart_of(json.loads(response.content))
        except PloutosError as failure:
            self._failure = failure
            self._over = response.status_code != 401  # then yfinance gets another crumb
            if self._over:
                raise
        else:
            self._failure = None

    def _address(self, url: str) -> str:
        if self._base_url is None:
            return url
        parts = urlsplit(url)
        return self._base_url.rstrip("/") + parts._replace(scheme="", netloc="").geturl()


def _chart_of(document: Any) -> dict[str, Any]:
    """The chart in an answer; one of another form is no symbol without prices."""
    chart = document.get("chart") if isinstance(document, dict) else None
    result = chart.get("result") if isinstance(chart, dict) else None
    if not (isinstance(result, list) and result and isinstance(result[0], dict)):
        raise SourceDown(_SOURCE, "its answer has another form than a chart")
    return result[0]
