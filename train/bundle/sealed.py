"""JSON records beside a manifest, each bound to the bundle's id and to itself by a hash."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from cluster.errors import BundleError
from cluster.files import canonical_json, write_atomic

MAX_JSON_BYTES = 4 << 20

Record = TypeVar("Record", bound=BaseModel)


@dataclass(frozen=True)
class SealedFile(Generic[Record]):
    """One kind of record.

    Args:
        file: name of the file, such as `stress.json`.
        kind: of the record.
        key: the record's key in the file.
        called: what a refusal calls it, such as `the verdict`.
        relation: what it does to its bundle: `judges`, `marks`.
        advice: what to do about one that is refused.
        id_beside: whether the bundle's id stands beside the record; else it is a field of it.
    """

    file: str
    kind: type[Record]
    key: str
    called: str
    relation: str
    advice: str
    id_beside: bool = False

    def write(self, folder: Path, bundle_id: str, record: Record) -> None:
        """Write, or replace, the record of a bundle."""
        write_atomic(folder / self.file, self.encode(bundle_id, record))

    def read(self, folder: Path, bundle_id: str) -> Record | None:
        """The record of a bundle; None where there is none.

        Raises:
            BundleError: it is not valid, was changed, or belongs to another bundle.
        """
        if not (folder / self.file).exists():
            return None
        data = plain_bytes(folder, self.file, MAX_JSON_BYTES)
        return self.parse(data, bundle_id, str(folder))

    def encode(self, bundle_id: str, record: Record) -> bytes:
        """The file's content."""
        fields = {self.key: _dump(record)} | ({"bundle_id": bundle_id} if self.id_beside else {})
        return canonical_json(fields | {"sha256": self._digest(bundle_id, record)})

    def parse(self, data: bytes, bundle_id: str, origin: str) -> Record:
        """The record in a file's content; for errors see `read`."""
        try:
            content: Any = self._content().model_validate_json(data, strict=True)
        except ValidationError as error:
            raise self._refusal(origin, error.errors(include_url=False)[0]["msg"]) from error
        record: Any = getattr(content, self.key)
        owner: str = (content if self.id_beside else record).bundle_id
        if content.sha256 != self._digest(owner, record):
            raise self._refusal(origin, "it was changed after it was written")
        if owner != bundle_id:
            raise self._refusal(origin, f"it {self.relation} bundle {owner}")
        return cast(Record, record)

    def _content(self) -> type[BaseModel]:
        fields: dict[str, Any] = {self.key: (self.kind, ...), "sha256": (str, ...)}
        if self.id_beside:
            fields["bundle_id"] = (str, ...)
        return create_model("Sealed", __config__=ConfigDict(extra="forbid", frozen=True), **fields)

    def _digest(self, bundle_id: str, record: Record) -> str:
        """Over the record, and the bundle's id where that stands beside it."""
        dump = _dump(record)
        hashed = {"bundle_id": bundle_id, self.key: dump} if self.id_beside else dump
        return hashlib.sha256(canonical_json(hashed)).hexdigest()

    def _refusal(self, origin: str, why: str) -> BundleError:
        return BundleError(f"{self.called} of {origin} is refused", why, self.advice)


def _dump(record: BaseModel) -> dict[str, Any]:
    """Fields that the writer did not know stay out, so the records of older versions stay valid."""
    return record.model_dump(mode="json", exclude_unset=True)


def plain_bytes(folder: Path, name: str, limit: int) -> bytes:
    """A file of a bundle's folder.

    Raises:
        BundleError: no such folder, or its file is missing, no plain file, or over `limit` bytes.
    """
    path = folder / name
    if not folder.is_dir():
        raise BundleError(f"no bundle at {folder}", "", "list them: ploutos model list")
    if path.is_symlink() or not path.is_file():
        raise damaged(folder, f"{name} is missing, or is no plain file")
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise damaged(folder, f"{name} is over {limit >> 20} MB")
    return data


def damaged(folder: Path, why: str) -> BundleError:
    """The refusal of a bundle whose folder is not as it was written."""
    return BundleError(f"bundle {folder} is refused", why, "copy it again, or make it again")
