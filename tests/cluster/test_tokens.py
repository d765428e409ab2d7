import stat
from pathlib import Path

import pytest

from cluster.errors import ConfigError, PloutosError
from cluster.tokens import ensure_token, read_token


def test_a_token_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens" / "serve"

    first, second = ensure_token(path), ensure_token(path)

    assert first == second == read_token(path)
    assert len(first) >= 43  # 32 random bytes
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_homes_have_two_tokens(tmp_path: Path) -> None:
    assert ensure_token(tmp_path / "a") != ensure_token(tmp_path / "b")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_token_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "serve"
    token = ensure_token(path)
    path.chmod(mode)

    with pytest.raises(ConfigError, match=f"its mode is {mode:04o}") as caught:
        ensure_token(path)

    assert token not in str(caught.value)


@pytest.mark.parametrize("text", ["", "short", "a" * 40 + "\n" + "b" * 40, "é" * 40])
def test_a_file_without_a_usable_token_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "serve"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="holds no token"):
        read_token(path)


def test_a_missing_token_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_token(tmp_path / "serve")


def test_a_home_that_is_a_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("")

    with pytest.raises(PloutosError, match="a part of the path is a file"):
        ensure_token(tmp_path / "tokens" / "serve")
