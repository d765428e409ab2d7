"""The chain: what is done to its rows is found and named; what a crash leaves is mended."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.files import canonical_json
from cluster.hash_chain import GENESIS, START, HashChain, Head, Links

NAMES = "abcdefgh"


def chain_of(folder: Path, names: str = NAMES) -> HashChain:
    chain = HashChain(folder / "chain.jsonl", "name")
    for name in names:
        with chain.writing() as writer:
            writer.append([{"name": name}])
    return chain


def lines(chain: HashChain) -> list[bytes]:
    return chain.path.read_bytes().splitlines(keepends=True)


def rewrite(chain: HashChain, changed: list[bytes]) -> list[str]:
    chain.path.write_bytes(b"".join(changed))
    return [str(fault) for fault in chain.faults()]


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)

    assert [row["name"] for row in chain.rows()] == list(NAMES)
    assert [row["row"] for row in chain.rows()] == [*range(1, 9)]
    assert chain.rows()[0]["prev"] == GENESIS
    assert chain.faults() == []
    head = chain.stored_head()
    assert head is not None
    assert head == Head(8, hashlib.sha256(lines(chain)[-1].rstrip()).hexdigest())


def test_no_chain_is_whole_and_empty(tmp_path: Path) -> None:
    chain = HashChain(tmp_path / "none", "name")

    assert (chain.rows(), chain.faults(), chain.stored_head()) == ([], [], None)


def test_a_removed_row_is_named(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)
    whole = lines(chain)

    told = rewrite(chain, whole[:2] + whole[3:])

    assert told[0] == "row 3: missing: the next one is row 4, name d"
    assert "row 8: missing, with all up to row 8: they were cut off the end" in told


def test_rows_cut_off_the_end_are_named(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)

    told = rewrite(chain, lines(chain)[:6])

    assert told == ["row 7: missing, with all up to row 8: they were cut off the end"]


def test_swapped_rows_are_named(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)
    whole = lines(chain)
    whole[2], whole[3] = whole[3], whole[2]

    told = rewrite(chain, whole)

    assert told == ["row 3: name c is out of place: it stands after row 4"]


def test_a_changed_row_is_named(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)
    whole = lines(chain)
    whole[4] = whole[4].replace(b'"name":"e"', b'"name":"x"')

    told = rewrite(chain, whole)

    assert told == ["row 5: changed, or row 6, name f, was"]


def test_a_changed_last_row_is_named(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)
    whole = lines(chain)
    whole[-1] = whole[-1].replace(b'"name":"h"', b'"name":"x"')

    told = rewrite(chain, whole)

    assert told == ["row 8: changed: it is not the row that the chain's head tells of"]


def test_garbage_is_named(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)
    whole = lines(chain)
    whole[1] = b"garbage\n"

    assert "row 2: it cannot be read" in rewrite(chain, whole)


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(range(6)), kept=st.integers(1, 6))
def test_no_other_order_and_no_other_length_passes(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], kept: int
) -> None:
    chain = chain_of(tmp_path_factory.mktemp("chain"), "abcdef")
    whole = lines(chain)

    told = rewrite(chain, [whole[index] for index in order][:kept])

    assert (told == []) == (order == [*range(6)] and kept == 6)


def test_no_byte_can_be_changed(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, "abc")
    whole = chain.path.read_bytes()

    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        chain.path.write_bytes(bytes(changed))
        assert chain.faults(), place


def test_a_writer_does_not_hide_what_happened(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)
    rewrite(chain, lines(chain)[:6])

    for name in "ijkl":
        with chain.writing() as writer:
            writer.append([{"name": name}])

    assert [str(fault) for fault in chain.faults()] == [
        "row 8: changed: it is not the row that the chain's head tells of"
    ]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]", b'{"rows":"x","hash":1}'])
def test_a_lost_head_is_a_fault_for_ever(tmp_path: Path, content: bytes | None) -> None:
    chain = chain_of(tmp_path)
    chain.head_path.unlink()
    if content is not None:
        chain.head_path.write_bytes(content)

    with chain.writing() as writer:
        writer.append([{"name": "i"}])

    (fault,) = chain.faults()
    assert "head is missing" in fault.what


def test_a_lost_chain_is_a_fault(tmp_path: Path) -> None:
    chain = chain_of(tmp_path)

    chain.path.unlink()

    assert str(chain.faults()[0]) == (
        "row 1: missing, with all up to row 8: they were cut off the end"
    )


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_last_line_is_mended_by_the_next_writer(tmp_path: Path, cut: int) -> None:
    # given: a writer was killed in the middle of its line
    chain = chain_of(tmp_path)
    torn = lines(chain)[-1][:cut]
    with chain.path.open("ab") as file:
        file.write(torn)
    assert chain.faults() == []

    with chain.writing() as writer:
        writer.append([{"name": "i"}])

    assert [row["name"] for row in chain.rows()] == [*NAMES, "i"]
    assert chain.faults() == []


def test_a_head_that_is_behind_is_mended_by_the_next_writer(tmp_path: Path) -> None:
    # given: a writer was killed between its line and the head
    chain = chain_of(tmp_path)
    behind = chain.head_path.read_bytes()
    with chain.writing() as writer:
        writer.append([{"name": "i"}])
    chain.head_path.write_bytes(behind)
    assert chain.faults() == []

    with chain.writing() as writer:
        writer.append([{"name": "j"}])

    assert json.loads(chain.head_path.read_bytes())["rows"] == 10
    assert chain.faults() == []


def test_adding_nothing_writes_nothing(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, "a")
    before = chain.path.read_bytes()

    with chain.writing() as writer:
        writer.append([])

    assert chain.path.read_bytes() == before


ZEROS = "0" * 64
A, B = (
    "069d1c4d8ef991d0d0c8ea7559789dd0cea7e7263226b20caa3d89889f518998",
    "2f7856d8c9543b3660aade0d5aa116c0fc98b4d1004313e84ae6054b3ab78b02",
)
SEALED = Links("type", number="seq", first=0, seal="hash")
SEALED_LINES = (
    f'{{"hash":"{A}","prev":"{ZEROS}","seq":0,"type":"a"}}\n'
    f'{{"hash":"{B}","prev":"{A}","seq":1,"type":"b"}}\n'
).encode()
PLAIN_LINES = (
    f'{{"name":"a","prev":"{ZEROS}","row":1}}\n'
    '{"name":"b","prev":"01fc677bdd0b7d66e71780e3210ccbdfee7b58510cbbd2578a9aae85c8ad0a94",'
    '"row":2}\n'
).encode()


@pytest.mark.parametrize(
    ("links", "stored"), [(Links("name"), PLAIN_LINES), (SEALED, SEALED_LINES)]
)
def test_the_forms_of_homes_that_exist_are_written_and_read(links: Links, stored: bytes) -> None:
    written, end = b"", START
    for name in "ab":
        row = links.link({links.name: name}, end)
        line = canonical_json(row)
        written, end = written + line + b"\n", Head(end.rows + 1, links.hash_of(row, line))

    assert written == stored
    assert [row[links.name] for row in links.read(stored).rows()] == ["a", "b"]
    assert links.read(stored).faults() == []


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (SEALED_LINES.replace(b'"a"', b'"x"'), "row 1: it was changed"),
        (SEALED_LINES.replace(b'"b"', b'"x"'), "row 2: it was changed"),
        (SEALED_LINES.split(b"\n")[1] + b"\n", "row 1: missing: the next one is row 2, type b"),
        (SEALED_LINES[:-1] + b"\r", "row 2: its line feed was overwritten"),
        (SEALED_LINES.replace(b"}\n", b" }\n"), "row 1: it was changed"),
    ],
)
def test_a_sealed_row_tells_of_a_change_without_a_head(data: bytes, fault: str) -> None:
    assert str(SEALED.read(data).faults()[0]) == fault


@pytest.mark.parametrize("lost", [1, 2, 40])
def test_what_a_crash_cut_short_is_torn_and_no_fault(lost: int) -> None:
    chained = SEALED.read(SEALED_LINES[:-lost])

    assert (len(chained.rows()), chained.faults()) == (1, [])
    assert len(chained.torn) > 0
