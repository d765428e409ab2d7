from pathlib import Path

import pytest

from cluster.errors import ConfigError
from cluster.settings import Home, Settings, home, load_settings

OTHERS = "BROKER=ib\nDB_PORT=tcp://10.96.0.5:5432\nALPACA_PAPER_API_KEY=\nUNKNOWN=1\n"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without .env, and none of our variables set."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return tmp_path


def test_without_any_setting_the_home_is_here(empty_folder: Path) -> None:
    assert home().root == empty_folder / ".ploutos"
    assert load_settings().ploutos_artifacts == ""


def test_the_environment_wins_over_the_env_file(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / ".env").write_text("PLOUTOS_HOME=/one\nPLOUTOS_ARTIFACTS=s3://b/p\n")
    monkeypatch.setenv("PLOUTOS_HOME", "/two")

    assert home().root == Path("/two")
    assert load_settings().ploutos_artifacts == "s3://b/p"


def test_variables_of_other_projects_are_nobodys_business(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / ".env").write_text(OTHERS)
    monkeypatch.setenv("DB_PORT", "tcp://10.96.0.5:5432")

    assert home().root == empty_folder / ".ploutos"
    assert load_settings().alpaca_paper_api_key is None  # empty is unset


def test_an_empty_home_is_unset_and_the_files_is_taken(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOUTOS_HOME", "")
    assert home().root == empty_folder / ".ploutos"

    (empty_folder / ".env").write_text("PLOUTOS_HOME=/one\n")
    assert home().root == Path("/one")


@pytest.mark.parametrize("value", ["~nosuch", "~nosuch/money"])
def test_the_home_of_a_user_who_is_not_there_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLOUTOS_HOME", value)

    with pytest.raises(ConfigError, match="~nosuch") as caught:
        home()

    assert caught.value.next_command == "set PLOUTOS_HOME to an absolute path"


def test_a_current_folder_that_was_deleted_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    with pytest.raises(ConfigError, match="is no place"):
        home()


def test_an_env_file_in_another_encoding_is_one_clear_error(empty_folder: Path) -> None:
    (empty_folder / ".env").write_bytes(b"A=1\n# Schl\xfcssel\nX=1\n")

    with pytest.raises(ConfigError) as caught:
        load_settings()

    assert caught.value.what == f"{empty_folder / '.env'} is not UTF-8"
    assert caught.value.why == "line 2 has the byte 0xfc"
    assert caught.value.exit_code == 3


def test_a_secret_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_API_KEY", "hunter2-hunter2")

    settings = load_settings()

    assert "hunter2" not in f"{settings!r} {settings}"
    assert settings.polygon_api_key is not None
    assert settings.polygon_api_key.get_secret_value() == "hunter2-hunter2"


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
