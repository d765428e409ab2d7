"""The doctor: every line that fails says how to mend it."""

import socket
from collections.abc import Iterator

import pytest

from apps import doctor
from cluster.settings import Home


def checks(home: Home) -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor.examine(home)}


def test_a_healthy_machine_passes_what_is_essential(ploutos):
    outcome = ploutos("doctor", "--json")

    document = outcome.document
    failed = [
        check["name"] for check in document["checks"] if check["essential"] and not check["ok"]
    ]
    assert (outcome.code, failed) == (0, [])
    names = {check["name"] for check in document["checks"]}
    assert {
        "python",
        "cores",
        "memory",
        "home",
        "disk",
        "ray",
        "calendar",
        "bars",
        "journal",
    } <= names
    assert {"port 8700", "port 8501", "port 8265"} <= names


def test_a_home_that_cannot_be_written_is_exit_code_1(ploutos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "file" / "home"))

    outcome = ploutos("doctor")

    assert outcome.code == 1
    assert "FAIL" in outcome.stdout
    assert "set PLOUTOS_HOME" in outcome.stdout


def test_every_check_that_can_fail_has_a_fix(home_root):
    assert all(check.fix for check in checks(Home(home_root)).values() if not check.ok)


def test_a_busy_port_names_who_holds_it(home_root):
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", 8265))
        except OSError:
            pytest.skip("port 8265 is in use")
        holder.listen()

        check = checks(Home(home_root))["port 8265"]

    assert not check.ok
    assert "held by" in check.found
    assert not check.essential


def test_keys_are_masked(home_root, monkeypatch):
    monkeypatch.setenv("ALPACA_PAPER_API_KEY", "PKCANARY123")

    found = checks(Home(home_root))

    assert found["ALPACA_PAPER_API_KEY"].found == "set, ****"
    assert found["ETORO_API_KEY"].found == "unset"
    assert not any("PKCANARY" in check.found for check in found.values())


def test_a_damaged_journal_is_found(filled_home):
    journal = filled_home / "journal" / "demo.jsonl"
    assert checks(Home(filled_home))["journal"].ok
    data = bytearray(journal.read_bytes())
    data[1000] ^= 1
    journal.write_bytes(data)

    check = checks(Home(filled_home))["journal"]

    assert not check.ok
    assert "damaged at line" in check.found


def test_old_simulated_bars_are_no_reason_to_worry(filled_home):
    check = checks(Home(filled_home))["bars"]

    assert check.ok
    assert "simulated" in check.found


def test_threads_that_outnumber_cores_are_warned_about(home_root, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert not checks(Home(home_root))["cores"].ok

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert checks(Home(home_root))["cores"].ok


@pytest.fixture
def head() -> Iterator[str]:
    """Something that listens where a cluster would."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_cluster_without_authentication_is_warned_about(home_root, monkeypatch, head):
    monkeypatch.setenv("RAY_ADDRESS", head)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert not checks(Home(home_root))["ray"].ok

    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert checks(Home(home_root))["ray"].ok


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("myhead", "host:port"),
        ("myhead:", "host:port"),
        ("127.0.0.1:99999", "host:port"),
        ("127.0.0.1:9", "Connection refused"),
    ],
)
def test_a_cluster_that_is_none_or_not_there_is_named(home_root, monkeypatch, address, found):
    monkeypatch.setenv("RAY_ADDRESS", address)

    check = checks(Home(home_root))["ray"]

    assert not check.ok
    assert found in check.found
    assert "unset RAY_ADDRESS" in check.fix


def test_an_env_file_that_others_can_read_is_warned_about(home_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checks(Home(home_root))[".env"].ok
    (tmp_path / ".env").write_text("POLYGON_API_KEY=x\n")
    (tmp_path / ".env").chmod(0o644)

    check = checks(Home(home_root))[".env"]

    assert (check.ok, check.fix) == (False, f"chmod 600 {tmp_path / '.env'}")
    (tmp_path / ".env").chmod(0o600)
    assert checks(Home(home_root))[".env"].ok


def test_a_home_that_is_read_only_and_compiled_code_have_their_lines(home_root):
    assert checks(Home(home_root))["compiled code"].found == "kept beside the code"
