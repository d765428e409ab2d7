"""`ploutos universe`: every verb, for a reader and as JSON, in a home of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.cli.cli import run
from features import Lake, SimulatedMarket

SAMPLE = Path(__file__).parent / "pages" / "sp500_sample.html"
MARKET = SimulatedMarket(symbols=33, sessions=420, interval="1d", seed=3)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def imported(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A home with the simulated market as its index; one symbol joins in 2017."""
    spells = ["symbol,start_date,end_date,index_ticker"]
    companies = ["symbol,name,gics_sector"]
    for symbol, sector in MARKET.sectors().items():
        start = "2017-05-01" if symbol == "SIMB01" else "2010-01-04"
        spells.append(f"{symbol},{start},,{symbol}")
        companies.append(f"{symbol},{symbol},{sector}")
    (tmp_path / "membership.csv").write_text("\n".join(spells))
    (tmp_path / "constituents.csv").write_text("\n".join(companies))
    Lake(home / "lake").write(MARKET.bars(), interval="1d", source="simulated")
    files = ["--membership", "membership.csv", "--constituents", "constituents.csv"]
    paths = [str(tmp_path / part) if part.endswith(".csv") else part for part in files]
    assert run(["universe", "import", *paths]) == 0
    capsys.readouterr()
    return home


def answer(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert run(["universe", *args, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_the_members_of_a_day_are_listed_with_their_sectors(
    imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = answer(capsys, "list", "--on", "2017-04-28")
    after = answer(capsys, "list", "--on", "2017-05-01")

    assert len(before["members"]) == 32
    assert len(after["members"]) == 33
    assert after["members"][0] == {"symbol": "SIMB01", "ticker": "SIMB01", "sector": "Materials"}
    assert 0 <= after["age_days"] < 1


def test_a_diff_names_who_joined(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "diff", "2017-04-28", "2017-05-01")

    assert found["joined"] == ["SIMB01"]
    assert found["left"] == found["renamed"] == []


def test_a_scan_is_two_of_each_sector(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = ("scan", "--as-of", "2017-04-28", "--per-sector", "2", "--lookback", "120")

    found, again = answer(capsys, *args), answer(capsys, *args)

    assert found == again
    assert found["rules"]["per_sector"] == 2
    assert len(found["picks"]) == 22
    assert [pick["rank"] for pick in found["picks"][:2]] == [1, 2]
    assert "SIMB01" not in {pick["symbol"] for pick in found["picks"]}
    assert len(list((imported / "tables" / "scan").iterdir())) == 1


def test_members_without_bars_are_named(
    imported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "membership.csv").open("a") as spells:
        spells.write("\nBRK.B,2010-01-04,,BRK.B\nZION,2010-01-04,,ZION")
    files = ("--membership", "membership.csv", "--constituents", "constituents.csv")
    paths = [str(tmp_path / part) if part.endswith(".csv") else part for part in files]
    assert run(["universe", "import", *paths]) == 0
    capsys.readouterr()
    args = ("scan", "--as-of", "2017-04-28", "--lookback", "60")

    found = answer(capsys, *args)
    assert (found["members"], found["with_bars"]) == (34, 32)
    assert found["without_bars"] == ["BRK-B", "ZION"]
    assert run(["universe", *args]) == 0
    assert "without bars: BRK-B, ZION" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("--constituents", "ploutos universe build"),
        ("--membership", "--constituents FILE"),
    ],
)
def test_one_of_the_two_files_alone_is_no_universe(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    (tmp_path / "list.csv").write_text("Symbol,GICS Sector\nAAPL,Information Technology\n")

    assert run(["universe", "import", given, str(tmp_path / "list.csv")]) == 2

    assert said in capsys.readouterr().err


def test_sectors_of_another_classification_are_named(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spells.csv").write_text("Symbol,Start Date,End Date\nAAPL,2010-01-04,\n")
    (tmp_path / "list.csv").write_text("Symbol,Sector\nAAPL,Technology\n")
    files = ["--membership", tmp_path / "spells.csv", "--constituents", tmp_path / "list.csv"]

    assert run(["universe", "import", *map(str, files)]) == 1

    told = capsys.readouterr().err
    assert "names no GICS sector: it has Technology; the 11 are Communication Services" in told


def test_the_bias_is_reported_for_a_month_and_a_quarter(
    imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ("bias", "--from", "2017-03-01", "--to", "2017-06-30", "--lookback", "120")

    month, quarter = answer(capsys, *args)["horizons"]

    assert (month["months"], month["scans"], quarter["scans"]) == (1, 4, 2)
    assert month["bias"] == pytest.approx(month["sharpe_today"] - month["sharpe_then"])
    assert run(["universe", *args]) == 0
    assert "Sharpe points" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args",
    [
        ("list", "--on", "2017-05-01"),
        ("diff", "2016-05-02", "2017-05-01"),
        ("scan", "--as-of", "2017-04-28", "--lookback", "60"),
    ],
)
def test_a_reader_gets_a_table(
    imported: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    assert run(["universe", *args]) == 0

    assert "SIM" in capsys.readouterr().out


def test_without_network_and_copy_the_build_fails_and_says_what_helps(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["universe", "build", "--base-url", "http://127.0.0.1:9", "--timeout", "1"]) == 1

    assert "ploutos universe build --page" in capsys.readouterr().err
    assert not home.exists()


def test_without_network_the_last_good_copy_is_used_and_its_age_said(
    imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = ["--base-url", "http://127.0.0.1:9", "--timeout", "1"]

    assert run(["universe", "build", *url, "--json"]) == 0

    streams = capsys.readouterr()
    assert json.loads(streams.out)["fresh"] is False
    assert "using the last good copy, 0.0 hours old" in streams.err


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("list", "--on", "yesterday"), 2),
        (("scan", "--as-of", "2017-13-01"), 2),
        (("scan", "--as-of", "2017-04-28", "--per-sector", "0"), 2),
        (("scan", "--as-of", "2005-04-28"), 1),
        (("build", "--page", str(SAMPLE)), 1),  # too short a list
    ],
)
def test_wrong_arguments_have_their_exit_codes(
    imported: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], code: int
) -> None:
    assert run(["universe", *args]) == code

    assert "Traceback" not in capsys.readouterr().err


def test_without_a_universe_the_next_command_is_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["universe", "list"]) == 1

    assert "ploutos universe import" in capsys.readouterr().err
