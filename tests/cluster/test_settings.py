from pathlib import Path

import pytest

from cluster.errors import ConfigError
from cluster.settings import Home, home, load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without .env, and none of our variables set."""
    monkeypatch.chdir(tmp_path)
    for name in ("PLOUTOS_HOME", "BROKER", "DB_PORT", "DB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_any_setting_the_broker_is_paper_and_the_home_is_here(empty_folder: Path) -> None:
    assert load_settings().broker == "paper"
    assert home().root == empty_folder / ".ploutos"


def test_the_environment_wins_over_the_env_file(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / ".env").write_text("BROKER=etoro\nDB_PORT=6000\nUNKNOWN=1\n")
    monkeypatch.setenv("BROKER", "alpaca")

    settings = load_settings()

    assert (settings.broker, settings.db_port) == ("alpaca", 6000)


@pytest.mark.parametrize(("name", "value"), [("BROKER", "real-money"), ("DB_PORT", "secret-42")])
def test_a_wrong_setting_is_named_and_its_value_is_not(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert name in caught.value.what
    assert value not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_secret_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2-hunter2")

    settings = load_settings()

    assert "hunter2" not in f"{settings!r} {settings}"
    assert settings.db_password is not None
    assert settings.db_password.get_secret_value() == "hunter2-hunter2"


def test_every_part_of_a_home_lies_inside_it() -> None:
    place = Home(Path("/srv/ploutos"))
    parts = {name: getattr(place, name) for name in dir(Home) if name[0] != "_" and name != "root"}

    assert set(parts) == {
        *("lake", "universe", "tables", "ledger", "sweeps", "bundles"),
        *("journal", "reports", "tokens", "logs"),
    }
    assert all(path == place.root / name for name, path in parts.items())


def test_a_home_in_the_users_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLOUTOS_HOME", "~/money")
    monkeypatch.setenv("HOME", "/home/trader")

    assert home().root == Path("/home/trader/money")
