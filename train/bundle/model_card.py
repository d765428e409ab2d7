"""card.md: what a bundle saw, how it was tested and what it cannot do, for a reader.

Written from the other files of the bundle, and anew when one of them changes. Its last line binds
it to the bundle and to itself, so a card that somebody edited is refused like any changed file.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import BundleError
from features.bars.sessions import SESSIONS_A_YEAR
from train.bundle.manifest import Manifest
from train.bundle.override import Unproven
from train.bundle.stress_record import Spread, StressRecord
from train.bundle.verdict_record import VerdictRecord

CARD_FILE = "card.md"
_MAX_BYTES = 1 << 20
_SEAL = re.compile(r"<!-- bundle ([0-9a-f]{16}) sha256 ([0-9a-f]{64}) -->\n")
_NAMED_SYMBOLS = 30


@dataclass(frozen=True)
class CardFacts:
    """All that a card is written from."""

    manifest: Manifest
    verdict: VerdictRecord | None
    stress: StressRecord | None
    unproven: Unproven | None


def card_bytes(facts: CardFacts) -> bytes:
    """The content of card.md; the same facts give the same bytes."""
    blocks = [*_head(facts), *_saw(facts.manifest), *_tests(facts), *_limits(facts)]
    text = "\n".join(blocks) + "\n"
    seal = hashlib.sha256(text.encode()).hexdigest()
    return f"{text}\n<!-- bundle {facts.manifest.bundle_id} sha256 {seal} -->\n".encode()


def check_card(folder: Path, bundle_id: str) -> None:
    """Refuse a card that was changed; a bundle from before there were cards has none.

    Raises:
        BundleError: it was changed, or belongs to another bundle.
    """
    path = folder / CARD_FILE
    if not path.exists():
        return
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
        raise _refusal(folder, "it is no plain file, or too large")
    body, _, last = path.read_bytes().rpartition(b"\n<!-- bundle ")
    seal = _SEAL.fullmatch("<!-- bundle " + last.decode(errors="replace"))
    if seal is None or hashlib.sha256(body).hexdigest() != seal[2]:
        raise _refusal(folder, "it was changed after it was written")
    if seal[1] != bundle_id:
        raise _refusal(folder, f"it is that of bundle {seal[1]}")


def _head(facts: CardFacts) -> list[str]:
    manifest, verdict = facts.manifest, facts.verdict
    lines = [f"# Model card of bundle {manifest.bundle_id}", ""]
    if facts.unproven is not None:
        mark = facts.unproven
        lines += [
            f"**UNPROVEN**: {mark.who} let it past the gate on {mark.at:%Y-%m-%d}: "
            f"{_plain(mark.reason)}",
            "",
        ]
    lines += [f"**{verdict.headline if verdict else 'NOT JUDGED'}**", ""]
    lines.append(
        "A PPO policy that holds, buys or sells each of its symbols at each bar, under the rules "
        "of V6. For paper trading; not investment advice."
    )
    return [*lines, ""]


def _saw(manifest: Manifest) -> list[str]:
    data, lineage = manifest.data, manifest.lineage
    named = ", ".join(manifest.symbols[:_NAMED_SYMBOLS])
    more = len(manifest.symbols) - _NAMED_SYMBOLS
    rows = [
        ("data", f"{_plain(data.label)}, {data.interval} bars, {data.bars:,} of them"),
        *(
            (
                f"had from {_plain(row.source)}",
                f"{row.bars:,} bars, adjustment {_plain(row.adjustment)}, "
                f"{row.first:%Y-%m-%d} to {row.last:%Y-%m-%d}",
            )
            for row in data.origins or ()
        ),
        ("from, to", f"{data.start:%Y-%m-%d}, {data.end:%Y-%m-%d}"),
        ("symbols", named + (f" and {more} more" if more > 0 else "")),
        ("features", f"{len(manifest.feature_names)} of the set {manifest.feature_set}"),
        ("scenario, learner", f"{manifest.scenario}, {manifest.learner}"),
        ("trial, seed", f"{lineage.trial}, {lineage.seed}"),
        *(
            (
                f"fold {fold.index}",
                f"train [{fold.train.start}, {fold.train.stop}), "
                f"validation [{fold.validation.start}, {fold.validation.stop}), "
                f"test [{fold.test.start}, {fold.test.stop}) (bars)",
            )
            for fold in manifest.folds
        ),
        ("fingerprint of the data", data.fingerprint[:16]),
        ("made", f"{manifest.created:%Y-%m-%d %H:%M} UTC"),
    ]
    return ["## What it saw", "", *_table(("", ""), rows)]


def _tests(facts: CardFacts) -> list[str]:
    verdict = facts.verdict
    validation = facts.manifest.metrics.get("validation_sharpe")
    lines = ["## How it was tested", ""]
    if validation is not None:
        lines += [f"Sharpe ratio on validation, which chose it: {validation:.2f}.", ""]
    if verdict is None:
        return [*lines, "Not judged: `ploutos judge run`.", "", *_stressed(facts.stress)]
    lines += [
        f"Test window: {verdict.days} sessions, read after the choice; {verdict.trials} trial(s) "
        f"in the ledger; luck alone reaches {verdict.deflation_threshold:.2f}.",
        "",
    ]
    rows = [
        (row.baseline, f"{row.excess:+.2f}", f"[{row.low:+.2f}, {row.high:+.2f}]", _told(row.spa_p))
        for row in verdict.excess
    ]
    lines += _table(("against", "Sharpe difference", "95 %", "Hansen's p"), rows)
    chance, pbo = verdict.random, verdict.overfitting
    if chance is not None:
        lines.append(
            f"- better than {chance.quantile:.0%} of {chance.policies} random policies with its "
            f"exposure and turnover (their median {chance.sharpe:.2f})"
        )
    lines += [f"- probability of backtest overfitting: {_told(pbo)}"]
    lines += [f"- failed: {_plain(reason)}" for reason in verdict.reasons]
    return [*lines, "", *_stressed(facts.stress)]


def _stressed(stress: StressRecord | None) -> list[str]:
    if stress is None:
        return ["No stress tests: `ploutos backtest stress`.", ""]
    harder = [
        (row.name, f"{row.sharpe:.2f}", f"{row.equal_weight:.2f}", f"{row.max_drawdown:.1%}")
        for row in stress.harder
    ]
    kinds = [
        (row.name, str(row.sessions), _told(row.sharpe), _told(row.equal_weight))
        for row in stress.regimes
    ]
    spreads = (("seeds", stress.seeds), ("starts", stress.starts))
    return [
        *_table(("terms", "Sharpe", "equal weight", "drawdown"), harder),
        *_table(("market", "sessions", "Sharpe", "equal weight"), kinds),
        *_table(("other", "walks", "median Sharpe", "range"), [_spread(*row) for row in spreads]),
    ]


def _limits(facts: CardFacts) -> list[str]:
    manifest, verdict = facts.manifest, facts.verdict
    lines = [
        f"- It knows these {len(manifest.symbols)} symbols, in this order, on "
        f"{manifest.data.interval} bars, and nothing else; news, earnings and order books are "
        "unknown to it.",
        "- It may send long positions only, within V6's limits, and was trained at V6's costs; "
        "fills are at the next open, which a large order would not get.",
        f"- What came after {manifest.data.end:%Y-%m-%d} is unknown to it and to these tests.",
    ]
    if manifest.data.label == "SIMULATED":
        lines.append("- Its market was SIMULATED: nothing here is true of real prices.")
    if verdict is not None:
        error = (SESSIONS_A_YEAR / verdict.days) ** 0.5
        lines.append(
            f"- {verdict.days} sessions leave a Sharpe ratio with a standard error of about "
            f"{error:.1f}."
        )
    return ["## Limits", "", *lines]


def _spread(name: str, spread: Spread | None) -> tuple[str, str, str, str]:
    if spread is None:
        return name, "0", "-", "-"
    return name, str(spread.count), f"{spread.median:.2f}", f"{spread.low:.2f} to {spread.high:.2f}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [*("| " + " | ".join(_plain(cell) for cell in line) + " |" for line in lines), ""]


def _told(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


def _plain(text: str) -> str:
    """On one line, and no Markdown table or HTML of somebody else's making."""
    flat = " ".join(text.split())
    return flat.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def _refusal(folder: Path, why: str) -> BundleError:
    return BundleError(f"the model card of {folder} is refused", why, "copy the bundle again")
