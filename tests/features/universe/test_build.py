"""`build_universe` against a server that speaks the page, and against servers that do not."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cluster.errors import DataError
from features.universe.build import build_universe
from features.universe.store import load_universe
from features.universe.wikipedia import PATH, fetch_list_page

SAMPLE = (Path(__file__).parent / "pages" / "sp500_sample.html").read_bytes()


@dataclass
class Site:
    """What the local encyclopaedia answers, and what it was asked."""

    url: str = ""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    body: bytes = SAMPLE
    claims: int | None = None  # content length that it announces
    pause_s: float = 0.0  # before each of the chunks
    asked: tuple[str, ...] = ()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked = (self.path, self.headers["User-Agent"])
            self.send_response(site.status)
            self.send_header("Content-Type", site.kind)
            self.send_header("Content-Length", str(site.claims or len(site.body)))
            if site.status == 302:
                self.send_header("Location", "http://203.0.113.1/elsewhere")
            self.end_headers()
            try:
                for start in range(0, len(site.body), 512):
                    time.sleep(site.pause_s)
                    self.wfile.write(site.body[start : start + 512])
                    self.wfile.flush()
            except OSError:
                return  # the client gave up

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()


def test_the_page_becomes_the_stored_universe(site: Site, tmp_path: Path) -> None:
    build = build_universe(tmp_path, base_url=site.url, fewest=4)

    assert build.fresh
    assert site.asked[0] == PATH
    assert site.asked[1].startswith("ploutos/")
    assert load_universe(tmp_path).members(date(2026, 1, 1)) == ("AAA", "BB-B", "DDD", "META9")


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        ({"status": 404}, "it answered 404"),
        ({"status": 503}, "it answered 503"),
        ({"status": 302}, "it answered 302"),
        ({"kind": "application/json", "body": b"{}"}, "application/json"),
        ({"claims": len(SAMPLE) + 1000}, "Error"),
        ({"pause_s": 0.2}, "no whole page within 0.5 s|Timeout"),
        ({"body": b"\xff\xfe" * 50}, "UnicodeDecodeError"),
    ],
)
def test_no_page_is_refused_with_the_reason(
    site: Site, tmp_path: Path, trouble: dict[str, object], message: str
) -> None:
    for name, value in trouble.items():
        setattr(site, name, value)

    with pytest.raises(DataError, match=message):
        build_universe(tmp_path, base_url=site.url, timeout_s=0.5, fewest=4)

    assert list(tmp_path.iterdir()) == []


def test_offline_the_last_good_copy_is_used_and_its_age_is_said(site: Site, tmp_path: Path) -> None:
    first = build_universe(tmp_path, base_url=site.url, fewest=4)
    before = (tmp_path / "universe.json").read_bytes()
    site.body = SAMPLE[: len(SAMPLE) // 2]  # cut

    build = build_universe(tmp_path, base_url=site.url, fewest=4)

    assert not build.fresh
    assert build.age.total_seconds() > 0
    assert "no table" in build.trouble
    assert build.universe.fingerprint == first.universe.fingerprint
    assert (tmp_path / "universe.json").read_bytes() == before


def test_a_server_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot fetch http://127\.0\.0\.1:9/"):
        build_universe(tmp_path, base_url="http://127.0.0.1:9", timeout_s=1.0)


@pytest.mark.parametrize("url", ["", "not a url", "file:///etc", "ftp://127.0.0.1"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(DataError, match="cannot fetch"):
        fetch_list_page(url, timeout_s=1.0)


def test_a_saved_page_that_cannot_be_read_is_refused_in_spite_of_a_copy(
    site: Site, tmp_path: Path
) -> None:
    build_universe(tmp_path, base_url=site.url, fewest=4)

    with pytest.raises(DataError, match="cannot read"):
        build_universe(tmp_path, page=tmp_path / "nowhere.html")
