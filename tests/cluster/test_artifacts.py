import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.artifacts import ArtifactStore
from cluster.errors import ConfigError, DataError, PloutosError, UsageError

KINDS = ("folder", "file URL", "memory URL")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactStore]:
    place = tmp_path / "store"
    urls = {
        "folder": str(place),
        "file URL": f"file://{place}",
        "memory URL": f"memory://{uuid4().hex}",
    }
    yield ArtifactStore(urls[request.param])
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "8d57"
    (folder / "inner").mkdir(parents=True)
    (folder / "policy.onnx").write_bytes(b"\0policy\xff")
    (folder / "manifest.json").write_bytes(b"{}")
    (folder / "inner" / "more.bin").write_bytes(b"")
    (folder / ".draft").write_bytes(b"half")
    (folder / "link").symlink_to("/etc/hostname")
    return folder


def test_what_was_put_comes_back_byte_for_byte(
    store: ArtifactStore, bundle: Path, tmp_path: Path
) -> None:
    store.check()
    written = store.put(bundle, "bundles/8d57", last="manifest.json")
    fetched = store.get("bundles/8d57", tmp_path / "back")

    # the manifest is the last one; drafts and links stay at home
    assert written == ["inner/more.bin", "policy.onnx", "manifest.json"]
    assert sorted(fetched) == sorted(written)
    for name in written:
        assert (tmp_path / "back" / name).read_bytes() == (bundle / name).read_bytes()
    assert not (tmp_path / "back" / "link").exists()


def test_doing_it_again_writes_nothing(store: ArtifactStore, bundle: Path, tmp_path: Path) -> None:
    store.put(bundle, "bundles/8d57")
    store.get("bundles/8d57", tmp_path / "back")

    assert store.put(bundle, "bundles/8d57") == []
    assert store.get("bundles/8d57", tmp_path / "back") == []

    (bundle / "new.json").write_text("1")
    assert store.put(bundle, "bundles/8d57") == ["new.json"]
    assert store.get("bundles/8d57", tmp_path / "back") == ["new.json"]


def test_only_a_mutable_file_is_written_anew(store: ArtifactStore, bundle: Path) -> None:
    store.put(bundle, "b")
    (bundle / "policy.onnx").write_bytes(b"longer than before")

    with pytest.raises(DataError, match="another file") as caught:
        store.put(bundle, "b")
    assert "8 bytes there, 18 here" in caught.value.why

    assert store.put(bundle, "b", mutable={"policy.onnx"}) == ["policy.onnx"]


def test_a_file_of_ours_is_not_overwritten_by_a_fetch(
    store: ArtifactStore, bundle: Path, tmp_path: Path
) -> None:
    store.put(bundle, "b")
    mine = tmp_path / "back" / "policy.onnx"
    mine.parent.mkdir()
    mine.write_bytes(b"my own")

    with pytest.raises(DataError, match="is not the file of"):
        store.get("b", mine.parent)

    assert mine.read_bytes() == b"my own"


def test_only_whole_bundles_are_listed(store: ArtifactStore, bundle: Path, tmp_path: Path) -> None:
    half = tmp_path / "half"
    half.mkdir()
    (half / "policy.onnx").write_bytes(b"1")
    store.put(bundle, "bundles/whole")
    store.put(half, "bundles/half")

    assert store.names("bundles", complete="manifest.json") == ["whole"]
    assert store.names("bundles") == ["half", "whole"]
    assert store.names("nothing") == []
    with pytest.raises(UsageError, match="no bundles/nothing"):
        store.get("bundles/nothing", tmp_path / "back")


def test_a_name_that_climbs_out_of_the_folder_is_not_fetched(tmp_path: Path) -> None:
    # given: an object store takes any key
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    store = ArtifactStore("memory://evil")
    memory.pipe_file("/evil/b/good", b"1")
    memory.pipe_file("/evil/b/../../../outside", b"2")

    store.get("b", tmp_path / "in" / "side")

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["good"]


@settings(max_examples=20, deadline=None)
@given(
    files=st.dictionaries(
        st.text("abc", min_size=1, max_size=5), st.binary(max_size=50), max_size=6
    )
)
def test_a_folder_survives_the_round_trip(
    files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round")
    (folder / "from").mkdir()
    for name, data in files.items():
        (folder / "from" / name).write_bytes(data)
    store = ArtifactStore(f"memory://{uuid4().hex}")

    assert set(store.put(folder / "from", "x")) == set(files)
    if files:
        store.get("x", folder / "to")
        assert {path.name: path.read_bytes() for path in (folder / "to").iterdir()} == files


@pytest.mark.parametrize(
    ("url", "kind", "says"),
    [
        ("foo://bucket", UsageError, "Protocol not known"),
        ("s3://bucket/x", ConfigError, "s3fs"),
        ("ftp://user:secret@host/x", UsageError, "holds a password"),
    ],
)
def test_a_url_that_cannot_work_is_one_message(
    url: str, kind: type[PloutosError], says: str
) -> None:
    if url.startswith("s3") and "s3fs" in os.listdir(Path(fsspec.__file__).parents[1]):
        pytest.skip("s3fs is installed")

    with pytest.raises(kind, match=says) as caught:
        ArtifactStore(url)

    assert "secret" not in str(caught.value)


def test_a_folder_that_cannot_be_written_is_found_out_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(PloutosError, match="cannot write"):
        ArtifactStore(str(tmp_path / "file" / "store")).check()
