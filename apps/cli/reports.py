"""The one report of a judgement, with everything that can be measured here."""

from pathlib import Path
from typing import TYPE_CHECKING

from cluster.settings import Home

if TYPE_CHECKING:
    from train.judge.judge_bundle import Judgement


def full_report(home: Home, page: Path, judged: "Judgement") -> Path:
    """Measure the stress of a bundle that has none yet, then write its report to `page`."""
    from train.bundle.stress_record import read_stress
    from train.diagnose.stress import record_stress
    from train.judge.judge_walk import report_of
    from train.ledger.ledger import TrialLedger
    from train.report.report import write_report

    bundle = judged.bundle
    if read_stress(bundle.path, bundle.manifest.bundle_id) is None:
        record_stress(bundle, judged.pieces[-1].market, TrialLedger(home.ledger))
    return write_report(page, report_of(home, judged))
