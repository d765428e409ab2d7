"""The real server in a real browser: every page shows this home's content, wide and narrow.

Screenshots go to PLOUTOS_SCREENSHOTS, or to the test's own folder.
"""

import os
import socket
from pathlib import Path

import pytest

from apps.pages.app_process import AppProcess, start_app
from cluster.servers import free_port
from cluster.settings import Home
from trade.journal import journal_queries as views
from trade.journal.journal import read_journal

SIZES = {1440: 1900, 390: 2600}  # width -> height, px
TIMEOUT_MS = 30_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def app(filled_template):
    with start_app(filled_template, free_port()) as running:
        yield running


def content(place: Home) -> dict[str, list[str]]:
    """What only this home's pages can show."""
    records = read_journal(place.journal / "demo.jsonl")
    equity = f"${views.state(records)['equity']:,.2f}"
    (bundle,) = place.bundles.iterdir()
    return {
        "": [equity, "Drawdown", "Exposure", "equal weight", "Denials by reason"],
        "positions": [f"of {equity} invested", "positions"],
        "orders": ["Intents", "Fills", str(len(views.denials(records))), "newest first"],
        "models": [bundle.name, "NOT BETTER", "0.42", "deflated Sharpe 0.38 is below 0.95"],
        "sweeps": ["Best validation Sharpe", "ent_coef", "Trials"],
    }


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", ["", "positions", "orders", "models", "sweeps"])
def test_a_page_shows_the_content_of_its_home(
    name, width, app, chromium, look, filled_template, tmp_path
):
    folder = Path(os.environ.get("PLOUTOS_SCREENSHOTS", tmp_path))
    page = chromium.new_page(viewport={"width": width, "height": SIZES[width]})
    page.set_default_timeout(TIMEOUT_MS)

    page.goto(f"{app.url}/{name}", wait_until="domcontentloaded")
    for text in ["SIMULATED", "ENDED", *content(Home(filled_template))[name]]:
        shown = page.get_by_text(text).filter(visible=True).first
        shown.wait_for(timeout=TIMEOUT_MS)
    look(page, folder / f"{name or 'overview'}-{width}.png")

    said = page.inner_text("body")
    assert "Traceback" not in said
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.locator('[data-testid="stAlert"]').count() == 0
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    page.close()


def upgrade(port: int, host: str) -> bytes:
    """Ask for the socket that all data goes through, as a page of `host` would."""
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}",
        f"Origin: http://{host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection.recv(64).split()[1]


def test_the_server_listens_on_loopback_only_and_refuses_other_hosts(app: AppProcess):
    port = int(app.url.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    addresses = {
        line.split()[1].split(":")[0]
        for line in listening
        if int(line.split()[1].split(":")[1], 16) == port and line.split()[3] == "0A"
    }
    statuses = [upgrade(port, host) for host in (f"127.0.0.1:{port}", "rebound.example")]

    assert addresses == {"0100007F"}
    assert statuses == [b"101", b"403"]
