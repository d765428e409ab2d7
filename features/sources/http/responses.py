"""What an HTTP answer of a source means, and what it means when there is none."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cluster.errors import ConfigError
from features.sources.http.errors import NotEntitled, NotKnown, NotServed, SourceDown

_LONGEST = 200  # characters of a vendor's message that are passed on
_PLAN = re.compile(r"subscription|entitle|upgrade your plan|NOT_AUTHORIZED", re.IGNORECASE)
_TOO_LATE = "no whole answer in time"
_REASONS = (  # what an error's text or type name holds, and what to say of it
    (r"resolve|NameResolution|getaddrinfo|DNS", "its name cannot be resolved (no network?)"),
    (r"refused|could not connect", "connection refused"),
    (r"timed? ?out|Timeout|within", _TOO_LATE),
    (
        r"IncompleteRead|IncompleteBody|Partial|transfer closed|bytes missing|end of response",
        "the answer ends early",
    ),
    (r"unreachable", "the network is unreachable"),
    (r"wrong.version|record.layer|packet.length|unknown.protocol", "it does not speak TLS"),
    (r"certificate|SSL", "its certificate is not accepted"),
    (r"reset|aborted|closed|disconnected|empty reply", "the connection was cut"),
)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check_answer(answer: Answer, source: str, key_variables: str = "") -> None:
    """Accept a whole JSON answer of status 200, and nothing else.

    Args:
        answer: The answer.
        source: Who gave it.
        key_variables: Names of the settings that hold its key; "" when it has none.

    Raises:
        ConfigError: 401 or 403 with JSON, the key is refused; a firewall answers with HTML.
        NotEntitled: 403, the key's plan does not include this.
        NotServed: 400, 404 or 422; `NotKnown` for 404 with JSON.
        SourceDown: redirects, 429, any other status, a body that is no whole JSON.
    """
    status, said = answer.status, message_of(answer.body)
    if status == 200:
        _refuse_other_than_json(answer, source)
    elif status in (401, 403) and _PLAN.search(said):
        raise NotEntitled(source, f"its plan does not include this ({said})", "shorten the window")
    elif status in (401, 403) and key_variables and _is_own(answer.body):
        raise ConfigError(
            f"{source} refuses the key", f"{status} {said}".strip(), f"correct {key_variables}"
        )
    elif status == 404 and _is_own(answer.body):
        raise NotKnown(source, f"{status} {said}".strip())
    elif status in (400, 404, 422):
        raise NotServed(source, f"{status} {said}".strip())
    elif 300 <= status < 400:
        raise SourceDown(source, f"redirects ({status}), which is not followed", again=False)
    else:
        again = status == 429 or status >= 500
        why = f"status {status} {said}".strip()
        raise SourceDown(source, why, again=again, wait_s=_wait(answer.headers))


def message_of(body: bytes) -> str:
    """What a vendor says in an error's body, shortened; "" when it says nothing readable."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "with HTML" if _is_html(body) else ""
    if not isinstance(document, dict):
        return ""
    chart = document.get("chart")
    if isinstance(chart, dict) and isinstance(chart.get("error"), dict):
        document = chart["error"]
    texts = [document.get(key) for key in ("status", "message", "error", "description")]
    return ": ".join(text for text in texts if isinstance(text, str))[:_LONGEST]


def unreachable(source: str, host: str | None, error: BaseException) -> SourceDown:
    """The failure for an error of a client library that got no answer.

    One that took all the time there was is not worth another attempt.
    """
    text = f"{type(error).__name__} {error}"
    found = (why for pattern, why in _REASONS if re.search(pattern, text, re.IGNORECASE))
    why = next(found, f"{type(error).__name__}: {error}"[:_LONGEST])
    return SourceDown(source, f"{host}: {why}", again=why != _TOO_LATE)


def _refuse_other_than_json(answer: Answer, source: str) -> None:
    try:
        json.loads(answer.body)
    except (ValueError, RecursionError):  # brackets in brackets, ten thousand deep
        kind = "HTML" if _is_html(answer.body) else "a broken body"
        raise SourceDown(source, f"{kind} instead of JSON") from None


def _is_own(body: bytes) -> bool:
    """Whether a vendor says so itself: in JSON."""
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _is_html(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of the header `Retry-After`: a number, or a time by the clock of who sent it."""
    named = {name.lower(): value for name, value in headers.items()}
    value = named.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,6}", value):
        return float(value)
    try:
        now = parsedate_to_datetime(named["date"]) if "date" in named else datetime.now(UTC)
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return None
