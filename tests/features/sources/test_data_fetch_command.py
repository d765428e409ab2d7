"""`ploutos data fetch` as a user calls it: without a network, without keys, and what it prints."""

import json
import socket
from datetime import UTC, datetime

import pytest
from rich.console import Console
from test_fetch import START, Shop, day

import servers
from apps.cli.cli import run
from apps.commands.data.fetch import render
from features import Lake
from features.sources.protocol import Access


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """An empty home without keys, behind a proxy that is not there; nothing leaves the machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    for name in ("ALPACA_PAPER_API_KEY", "ALPACA_PAPER_SECRET_KEY", "POLYGON_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("MASSIVE_API_KEY", raising=False)
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_without_a_network_every_source_and_its_reason_is_named(offline, capsys):
    code = run(["data", "fetch", "AAPL", "MSFT", "--start", "2024-01-02", "--interval", "1d"])

    printed = capsys.readouterr()
    assert code == 1
    assert "missing: AAPL, MSFT" in printed.out
    assert "alpaca: it has no key (ALPACA_PAPER_API_KEY and ALPACA_PAPER_SECRET_KEY)" in printed.out
    assert "yahoo: query2.finance.yahoo.com: connection refused" in printed.out
    assert "polygon: it has no key (MASSIVE_API_KEY or POLYGON_API_KEY)" in printed.out
    assert printed.err.startswith("next: ")
    assert not (offline / "lake").exists()


def test_a_program_gets_the_same_as_json(offline, capsys):
    arguments = ["--start", "2024-01-02", "--end", "2024-01-31", "--interval", "1d", "--json"]
    code = run(["data", "fetch", "AAPL", *arguments])

    document = json.loads(capsys.readouterr().out)
    assert code == 1
    assert document["complete"] is False
    assert (document["start"], document["end"]) == (
        "2024-01-02T00:00:00+00:00",
        "2024-02-01T00:00:00+00:00",
    )
    assert list(document["symbols"][0]["reasons"]) == ["alpaca", "polygon", "yahoo"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["AAPL", "--start", "2024-01-02", "--source", "polygon"], 3, "polygon needs a key"),
        (["AAPL", "--start", "2024-01-02", "--source", "bloomberg"], 2, "it is one of alpaca"),
        (["AAPL", "--start", "yesterday"], 2, "is no day"),
        (["AAPL", "--start", "2024-01-02", "--interval", "7h"], 2, "interval '7h'"),
        (["../../x", "--start", "2024-01-02"], 2, "is no ticker"),
        (["AAPL", "--start", "2090-01-02"], 2, "no bars in this window yet"),
    ],
)
def test_a_wrong_call_is_told_so_and_nothing_is_written(offline, capsys, arguments, code, said):
    assert run(["data", "fetch", *arguments]) == code

    assert said in capsys.readouterr().err
    assert not (offline / "lake").exists()


def test_either_name_of_polygons_key_will_do(offline, monkeypatch):
    from cluster.settings import load_settings
    from features.sources.configured import configured_sources

    for name in ("MASSIVE_API_KEY", "POLYGON_API_KEY"):
        with monkeypatch.context() as only:
            only.setenv(name, "secret")
            sources = configured_sources(load_settings(), offline)
        assert [source.name for source in sources.usable] == ["yahoo", "polygon"]
        assert list(sources.skipped) == ["alpaca"]


@pytest.fixture
def local(tmp_path, monkeypatch, market):
    """An empty home, and vendors on this machine, behind a proxy that is not there."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with servers.vendors_of_this_machine(market) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield Lake(tmp_path / "home" / "lake")


@pytest.mark.parametrize("name", ["alpaca", "yahoo", "polygon"])
def test_the_whole_command_asks_vendors_of_this_machine(local, name):
    window = ["--start", "2024-01-08", "--end", "2024-01-19", "--interval", "1d"]

    assert run(["data", "fetch", "AAA", *window, "--source", name]) == 0

    assert local.scan("1d", source=name).collect()["symbol"].to_list() == ["AAA"] * 9


@pytest.mark.parametrize("variable", ["ALPACA_DATA_URL", "YAHOO_URL", "POLYGON_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "https://data.example",
        "http://127.0.0.1@data.example:80",
        "http://127.0.0.1.data.example",
        "http://10.0.0.1:8000",
        "http://[::1",
        "http://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "127.0.0.1:8000",
        "http://127.0.0.1/?to=data.example",
    ],
)
def test_keys_are_sent_to_no_other_machine(local, monkeypatch, capsys, variable, url):
    monkeypatch.setenv(variable, url)

    assert run(["data", "fetch", "AAA", "--start", "2024-01-08"]) == 3

    assert f"setting {variable} is wrong: it takes addresses of this machine only" in (
        capsys.readouterr().err
    )
    assert not local.root.exists()


def test_an_empty_address_is_none(tmp_path):
    none, empty = (Access.from_setting("YAHOO_URL", url, tmp_path) for url in (None, ""))
    here = Access.from_setting("YAHOO_URL", "http://localhost:80/", tmp_path)

    assert none.base_url is None
    assert none.sent == empty.sent == tmp_path / "yahoo-requests.json"
    assert (here.base_url, here.sent) == ("http://localhost:80", None)


@pytest.fixture
def shop(vendors, tmp_path) -> Shop:
    return Shop(vendors, Lake(tmp_path / "lake"))


def printed(result) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        render(console, result)
    return capture.get()


def test_a_reader_sees_series_switches_and_late_starts(shop, market):
    market.start = datetime(2024, 1, 8, tzinfo=UTC).date()
    shop.fetch("AAA", START, day(20))
    shop.down("alpaca")

    lines = printed(shop.fetch("AAA BBB", day(2), day(25))).splitlines()

    assert lines[0].split() == ["series", "symbols", "new", "bars", "first", "last"]
    assert "alpaca        1         3  2024-01-08 00:00  2024-01-24 00:00" in lines[1]
    assert lines[3:] == [
        "AAA: bars of yahoo joined the series of alpaca",
        "AAA, BBB: had from yahoo, since alpaca: redirects (302), which is not followed",
    ]


def test_a_reader_sees_the_first_of_many_missing_symbols(shop):
    shop.names = ["alpaca", "polygon"]
    shop.down("alpaca", "polygon")

    text = printed(shop.fetch(" ".join(f"S{n}" for n in range(12)), START, day(20)))

    assert "S0, S1, S2, S3, S4, S5, S6, S7 and 4 more" in " ".join(text.split())
