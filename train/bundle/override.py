"""unproven.json: the mark of a bundle that went past the gate by a person's word."""

from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from train.bundle.sealed import SealedFile


class Unproven(BaseModel):
    """Who let a bundle pass, why, and what it had failed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle_id: str
    reason: str = Field(min_length=1)
    who: str
    at: AwareDatetime
    failed: tuple[str, ...]  # the gate's checks, with numbers


UNPROVEN = SealedFile(
    file="unproven.json",
    kind=Unproven,
    key="mark",
    called="the mark UNPROVEN",
    relation="marks",
    advice="copy the bundle again",
)


def read_unproven(folder: Path, bundle_id: str) -> Unproven | None:
    """The mark of a bundle; None where it has none.

    Raises:
        BundleError: the mark was changed, or belongs to another bundle.
    """
    return UNPROVEN.read(folder, bundle_id)


def mark_unproven(folder: Path, mark: Unproven) -> Unproven:
    """Mark a bundle; the first mark stays for ever, and is returned."""
    first = read_unproven(folder, mark.bundle_id)
    if first is not None:
        return first
    UNPROVEN.write(folder, mark.bundle_id, mark)
    return mark
