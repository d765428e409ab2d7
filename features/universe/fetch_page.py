"""Fetching the public list of S&P 500 companies."""

import time

from cluster.errors import DataError

BASE_URL = "https://en.wikipedia.org"
PATH = "/wiki/List_of_S%26P_500_companies"
TIMEOUT_S = 20.0  # for the whole page
MAX_BYTES = 20 * 1024 * 1024  # the page has about 1 MB
_CHUNK = 64 * 1024
_USER_AGENT = "ploutos/0.1 (research; one request a build)"  # the site asks for one that says who
_ADVICE = "ploutos universe build --page FILE reads a saved copy"


def fetch_list_page(base_url: str = BASE_URL, timeout_s: float = TIMEOUT_S) -> str:
    """The page as text, in one request without redirects to other hosts.

    Raises:
        DataError: no answer in time, a status other than 200, no HTML, or a page that was cut.
    """
    import httpx2

    url = base_url.rstrip("/") + PATH
    deadline = time.monotonic() + timeout_s
    try:
        with httpx2.stream(
            "GET", url, timeout=timeout_s, headers={"User-Agent": _USER_AGENT}
        ) as answer:
            kind = answer.headers.get("content-type", "")
            if answer.status_code != 200 or not kind.startswith("text/html"):
                raise _refusal(url, f"it answered {answer.status_code} {kind}")
            body = bytearray()
            for chunk in answer.iter_bytes(_CHUNK):
                body += chunk
                if time.monotonic() > deadline:
                    raise _refusal(url, f"no whole page within {timeout_s:g} s")
                if len(body) > MAX_BYTES:
                    raise _refusal(url, f"the page is larger than {MAX_BYTES:,} bytes")
        return body.decode("utf-8")
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeDecodeError) as error:
        raise _refusal(url, f"{type(error).__name__}: {error}") from error


def _refusal(url: str, why: str) -> DataError:
    return DataError(f"cannot fetch {url}", why, _ADVICE)
