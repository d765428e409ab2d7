"""The trials that differ from a bundle's in nothing but the seed."""

from train.bundle.manifest import Manifest
from train.ledger.ledger import TrialLedger, TrialRecord
from train.ledger.record import TrialEnd


def repetitions(ledger: TrialLedger, manifest: Manifest) -> list[TrialRecord]:
    """Completed trials of the bundle's configuration, its own included; none if it is not there.

    Of a walk, those of the same fold.

    Raises:
        DataError: the ledger is damaged.
    """
    records = ledger.records(manifest.problem)
    own = next((r for r in records if r.trial_id == manifest.lineage.trial), None)
    if own is None:
        return []
    same = [
        record
        for record in records
        if (record.scenario, record.learner, record.config, record.steps)
        == (own.scenario, own.learner, own.config, own.steps)
        and (record.sweep == own.sweep or own.walk is None)
    ]
    return [record for record in same if record.status == TrialEnd.COMPLETED]
