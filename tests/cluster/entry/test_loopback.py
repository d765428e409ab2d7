"""This machine is asked directly, whatever proxies are set, by every client that we use."""

import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest
import requests

from cluster.entry.loopback import LOOPBACK, bypass_proxies

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy")
NAMES = ("no_proxy", "NO_PROXY")


@pytest.fixture(autouse=True)
def company(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that nobody answers for, and no exceptions from it."""
    for name in NAMES:
        monkeypatch.setenv(name, "x")  # so that what we set is undone
        monkeypatch.delenv(name)
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Answer) as here:
        thread = threading.Thread(target=here.serve_forever)
        thread.start()
        yield here.server_port
        here.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_client_asks_a_proxy_for_this_machine(host: str, server: int) -> None:
    url = f"http://{host}:{server}/"
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(url, timeout=5)

    bypass_proxies()

    assert requests.get(url, timeout=5).text == "here"
    assert httpx2.get(url, timeout=5.0).text == "here"
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.read() == b"here"
    child = f"import requests; print(requests.get({url!r}, timeout=5).text)"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, check=True)
    assert done.stdout == b"here\n"


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (None, None, "127.0.0.1,localhost,::1"),
        ("corp.example", None, "corp.example,127.0.0.1,localhost,::1"),
        ("a.example", "b.example, localhost", "a.example,b.example,localhost,127.0.0.1,::1"),
        ("*", None, "*"),
    ],
)
def test_what_was_excepted_before_still_is(
    lower: str | None, upper: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in zip(NAMES, (lower, upper), strict=True):
        if value is not None:
            monkeypatch.setenv(name, value)

    bypass_proxies()
    bypass_proxies()

    assert [os.environ[name] for name in NAMES] == [expected, expected]


def test_where_there_is_no_proxy_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name)

    bypass_proxies()

    assert not set(NAMES) & set(os.environ)
    assert LOOPBACK[0] == "127.0.0.1"
