"""The endpoint as seen by a trader: typed answers, short time-outs, two kinds of failure."""

import time
from typing import TypeVar

import httpx2
from pydantic import ValidationError

from cluster.closing import Closing
from features.sources.http.deadline import within
from serve.errors import PolicyRefusedError, PolicyUnavailableError
from serve.schema import ActRequest, ActResponse, Fault, FaultEnvelope, ModelSummary

Answer = TypeVar("Answer", ActResponse, ModelSummary)
_RETRY_PAUSES_S = (0.05, 0.25)  # before the second and the third try
_ADVICE = "ploutos serve status, then ploutos serve up"


class PolicyClient(Closing):
    """Asks one endpoint; keeps its connection, so use one for many calls.

    Args:
        url: Such as http://127.0.0.1:8700.
        token: The endpoint's bearer token.
        timeout_s: Longest wait for an answer, repeated calls included.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = 2.0) -> None:
        self._url = url
        self._token = token
        self._timeout_s = timeout_s
        self._http = self._connection()

    def act(self, request: ActRequest) -> ActResponse:
        """Ask for one decision; asking twice changes nothing, so lost calls are repeated.

        Raises:
            PolicyUnavailableError: no answer, or one that cannot be trusted.
            PolicyRefusedError: the endpoint refuses this request.
        """
        response = self._send("POST", "/v1/act", request.model_dump_json().encode())
        answer = _parse(response, ActResponse)
        sizes = {len(request.symbols), len(answer.actions), len(answer.probabilities)}
        if answer.decision_id != request.decision_id or len(sizes) != 1:
            raise PolicyUnavailableError(
                f"{self._url} answered another question",
                f"decision {answer.decision_id} with {len(answer.actions)} actions",
                _ADVICE,
            )
        return answer

    def model(self) -> ModelSummary:
        """What the policy expects.

        Raises:
            PolicyUnavailableError: no answer, or one that cannot be trusted.
            PolicyRefusedError: the token is wrong.
        """
        return _parse(self._send("GET", "/v1/model"), ModelSummary)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _connection(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=self._timeout_s,
            follow_redirects=False,
            trust_env=False,
        )

    def _send(self, method: str, path: str, body: bytes | None = None) -> httpx2.Response:
        """The response when it is a 200, within the time of the whole call."""
        http = self._http
        try:
            return within(self._timeout_s, lambda: self._repeated(http, method, path, body))
        except TimeoutError as error:
            http.close()  # what still waits for it ends
            self._http = self._connection()
            raise PolicyUnavailableError(
                f"no answer from {self._url}", str(error), _ADVICE
            ) from error

    def _repeated(
        self, http: httpx2.Client, method: str, path: str, body: bytes | None
    ) -> httpx2.Response:
        """The response when it is a 200, after repeating lost calls and 503."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        for pause_s in (*_RETRY_PAUSES_S, None):
            try:
                response = http.request(method, path, content=body, headers=headers)
            except httpx2.RequestError as error:
                if pause_s is None or isinstance(error, httpx2.ReadTimeout):
                    raise PolicyUnavailableError(
                        f"no answer from {self._url}", _cause(error), _ADVICE
                    ) from error
            else:
                if pause_s is None or response.status_code != 503:
                    return _accepted(response)
            time.sleep(pause_s)
        raise AssertionError("unreachable: the last try returns or raises")


def _cause(error: httpx2.RequestError) -> str:
    return str(error) or type(error).__name__


def _accepted(response: httpx2.Response) -> httpx2.Response:
    """The response itself when it is a 200.

    Raises:
        PolicyUnavailableError: too busy, too slow, or a failure of it (408, 429, 5xx).
        PolicyRefusedError: any other status.
    """
    status = response.status_code
    if status == 200:
        return response
    fault = _fault_of(response)
    if status in (408, 429) or status >= 500:
        raise PolicyUnavailableError(fault.what, f"{fault.why} (HTTP {status})", _ADVICE)
    raise PolicyRefusedError(
        status, fault.code, fault.what, why=f"{fault.why} (HTTP {status})", next_command=fault.next
    )


def _fault_of(response: httpx2.Response) -> Fault:
    try:
        return FaultEnvelope.model_validate_json(response.content).error
    except ValidationError:
        return Fault(
            code="unknown",
            what=f"{response.request.url} does not answer as a policy endpoint",
            why=response.text[:200].strip() or "empty answer",
            next=_ADVICE,
        )


def _parse(response: httpx2.Response, shape: type[Answer]) -> Answer:
    try:
        return shape.model_validate_json(response.content)
    except ValidationError as error:
        raise PolicyUnavailableError(
            f"{response.request.url} does not answer as a policy endpoint",
            f"{error.error_count()} faults in its {shape.__name__}",
            _ADVICE,
        ) from error
