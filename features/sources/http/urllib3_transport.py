"""The transport of the library urllib3, for clients that bring their own pool."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.exceptions import HTTPError

from features.sources.http.deadline import within
from features.sources.http.errors import SourceDown
from features.sources.http.responses import Answer, check_answer, unreachable
from features.sources.http.transport import Transport


class CheckedPool(PoolManager):
    """Sends every request through a `Transport`; passes on whole JSON answers only.

    Args:
        transport: How the source is asked.
        key_variables: Names of the settings that hold the key, for the message.
        headers: Sent with every request.
    """

    def __init__(
        self, transport: Transport, key_variables: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(headers=headers)
        self._transport = transport
        self._key_variables = key_variables
        self._asked: set[str] = set()

    def begin(self) -> None:
        """Forget the pages of the call before."""
        self._asked.clear()

    def request(self, method: str, url: str, **options: Any) -> BaseHTTPResponse:  # type: ignore[override]
        """Send a GET request.

        Raises:
            SourceDown: also when a page is asked for twice: the source would lead round for ever.
            PloutosError: what `check_answer` raises.
        """
        if url in self._asked:
            why = "its next page is one it gave before"
            raise SourceDown(self._transport.source, why, again=False)
        self._asked.add(url)
        return self._transport.ask(lambda seconds: self._exchange(method, url, seconds, options))

    def _exchange(
        self, method: str, url: str, seconds: float, options: dict[str, Any]
    ) -> BaseHTTPResponse:
        options = options | {"timeout": seconds, "retries": False, "redirect": False}
        source = self._transport.source
        try:
            response = within(
                seconds, lambda: super(CheckedPool, self).request(method, url, **options)
            )
        except (HTTPError, TimeoutError) as error:
            raise unreachable(source, urlsplit(url).hostname, error) from error
        answer = Answer(response.status, response.headers, response.data)
        check_answer(answer, source, self._key_variables)
        return response
