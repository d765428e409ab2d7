"""Count that a bundle is about to be walked over bars that it was not trained on."""

from envs import Market, Window
from train.bundle.manifest import Manifest
from train.bundle.windows import WalkedDays, last_fold
from train.ledger.ledger import TrialLedger
from train.ledger.readings import Reading

LATER = -1  # in place of a fold's number: bars that came after the bundle's own


def reading_of(manifest: Manifest, market: Market, window: Window, occasion: str) -> Reading:
    """The row that a walk of this window leaves in the log of readings.

    Args:
        manifest: of the bundle.
        market: its own bars, or others.
        window: the bars; the last one only marks the account.
        occasion: what asks for it: "stress", "timing", ...
    """
    days = market.ts[[window.start, window.last]].astype("datetime64[D]")
    own = market.fingerprint == manifest.data.fingerprint
    return Reading(
        bundle=manifest.bundle_id,
        occasion=occasion,
        fold=last_fold(manifest).index if own else LATER,
        first=str(days[0]),
        last=str(days[1]),
        data=market.fingerprint,
    )


def note_days(ledger: TrialLedger, manifest: Manifest, days: WalkedDays, occasion: str) -> None:
    """Write down that these days are about to be walked, unless all of them were trained on.

    Raises:
        PloutosError: no space or no permission; then nothing may be read.
    """
    if not days.is_reading:
        return
    reading = Reading(
        bundle=manifest.bundle_id,
        occasion=occasion,
        fold=LATER if days.parts == "later" or not manifest.folds else last_fold(manifest).index,
        first=days.first.isoformat(),
        last=days.last.isoformat(),
        data=manifest.data.fingerprint,
    )
    ledger.readings(manifest.problem).note([reading])


def note_reading(
    ledger: TrialLedger, manifest: Manifest, market: Market, window: Window, occasion: str
) -> None:
    """Write the row; afterwards the window may be walked.

    Raises:
        PloutosError: no space or no permission; then nothing may be read.
    """
    log = ledger.readings(manifest.problem)
    log.note([reading_of(manifest, market, window, occasion)])
