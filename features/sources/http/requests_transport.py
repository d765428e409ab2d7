"""The transport of the library requests, for clients that bring their own session."""

from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter

from features.sources.http.deadline import within
from features.sources.http.responses import Answer, check_answer, unreachable
from features.sources.http.transport import Transport


class CheckedAdapter(HTTPAdapter):
    """Sends every request of a session through a `Transport`; passes on whole JSON answers only.

    Mount it for both schemes. The session's own timeout, if it has any, does not matter.

    Args:
        transport: How the source is asked.
        key_variables: Names of the settings that hold the key, for the message.
    """

    def __init__(self, transport: Transport, key_variables: str) -> None:
        super().__init__()
        self._transport = transport
        self._key_variables = key_variables

    def send(self, request: PreparedRequest, *_: Any, **options: Any) -> Response:
        """Send a GET request.

        Raises:
            PloutosError: what `check_answer` raises.
        """
        return self._transport.ask(lambda seconds: self._exchange(request, seconds, options))

    def _exchange(
        self, request: PreparedRequest, seconds: float, options: dict[str, Any]
    ) -> Response:
        def whole() -> Response:
            response = super(CheckedAdapter, self).send(request, **(options | {"timeout": seconds}))
            response.content  # noqa: B018 - reads the body, so that it too is in time
            return response

        source = self._transport.source
        try:
            response = within(seconds, whole)
        except (RequestException, TimeoutError) as error:
            raise unreachable(source, urlsplit(request.url or "").hostname, error) from error
        answer = Answer(response.status_code, response.headers, response.content)
        check_answer(answer, source, self._key_variables)
        return response
