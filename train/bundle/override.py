"""unproven.json: the mark of a bundle that went past the gate by a person's word."""

import hashlib
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cluster.errors import BundleError
from cluster.files import canonical_json, write_atomic

UNPROVEN_FILE = "unproven.json"


class Unproven(BaseModel):
    """Who let a bundle pass, why, and what it had failed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle_id: str
    reason: str = Field(min_length=1)
    who: str
    at: AwareDatetime
    failed: tuple[str, ...]  # the gate's checks, with numbers

    def digest(self) -> str:
        """SHA-256 over the mark."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()


class _MarkFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    mark: Unproven
    sha256: str


def read_unproven(folder: Path, bundle_id: str) -> Unproven | None:
    """The mark of a bundle; None where it has none.

    Raises:
        BundleError: the mark was changed, or belongs to another bundle.
    """
    path = folder / UNPROVEN_FILE
    if not path.exists():
        return None
    try:
        file = _MarkFile.model_validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        raise _refusal(folder, error.errors(include_url=False)[0]["msg"]) from error
    if file.sha256 != file.mark.digest():
        raise _refusal(folder, "it was changed after it was written")
    if file.mark.bundle_id != bundle_id:
        raise _refusal(folder, f"it marks bundle {file.mark.bundle_id}")
    return file.mark


def mark_unproven(folder: Path, mark: Unproven) -> Unproven:
    """Mark a bundle; the first mark stays for ever, and is returned."""
    first = read_unproven(folder, mark.bundle_id)
    if first is not None:
        return first
    file = _MarkFile(mark=mark, sha256=mark.digest())
    write_atomic(folder / UNPROVEN_FILE, canonical_json(file.model_dump(mode="json")))
    return mark


def _refusal(folder: Path, why: str) -> BundleError:
    return BundleError(f"the mark UNPROVEN of {folder} is refused", why, "copy the bundle again")
