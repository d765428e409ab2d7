"""The one report of a judgement, with everything that can be measured here."""

from pathlib import Path
from typing import TYPE_CHECKING

from cluster.settings import Home

if TYPE_CHECKING:
    from train.judging import Judgement


def full_report(home: Home, page: Path, judged: "Judgement") -> Path:
    """Measure the stress of a bundle that has none yet, then write its report to `page`."""
    from train.ledger import TrialLedger
    from train.report import write_report
    from train.stress import record_stress
    from train.stress_file import read_stress
    from train.walk_judging import report_of

    bundle = judged.bundle
    if read_stress(bundle.path, bundle.manifest.bundle_id) is None:
        record_stress(bundle, judged.pieces[-1].market, TrialLedger(home.ledger))
    return write_report(page, report_of(home, judged))
