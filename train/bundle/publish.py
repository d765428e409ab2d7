"""Results into an artefact store, and back: bundles, and the ledger of all trials."""

import os
import shutil
import tempfile
from pathlib import Path

from cluster.artifacts import ArtifactStore
from cluster.errors import BundleError, UsageError
from cluster.files import storage_errors
from cluster.settings import Home
from train.bundle.bundle import MANIFEST_FILE, PolicyBundle
from train.bundle.model_card import CARD_FILE
from train.bundle.stress_record import STRESS
from train.bundle.verdict_record import VERDICT
from train.ledger.ledger import TrialLedger

_BUNDLES = "bundles"
_LEDGER = "ledger"


def publish_bundle(store: ArtifactStore, bundle: Path) -> str:
    """Store a bundle, its manifest last; returns its address. Doing so again changes nothing."""
    name = f"{_BUNDLES}/{bundle.name}"
    store.put(bundle, name, last=MANIFEST_FILE, mutable={VERDICT.file, STRESS.file, CARD_FILE})
    return store.address(name)


def publish_ledger(store: ArtifactStore, home: Home) -> str:
    """Store the trials that the store does not have yet; returns the ledger's address."""
    store.put(home.ledger, _LEDGER)
    return store.address(_LEDGER)


def published_bundles(store: ArtifactStore) -> list[str]:
    """Ids of the bundles that were stored whole."""
    return store.names(_BUNDLES, complete=MANIFEST_FILE)


def published_problems(store: ArtifactStore) -> list[str]:
    """The problems of the stored ledger."""
    return store.names(_LEDGER)


def fetch_bundle(store: ArtifactStore, bundle_id: str, home: Home) -> Path:
    """Bring a stored bundle into `home`, whole and checked, or not at all.

    Raises:
        UsageError: the store has no such bundle.
        BundleError: what came is not what its manifest says.
    """
    if bundle_id not in published_bundles(store):
        raise UsageError(
            f"no bundle {bundle_id} in {store.url}",
            "it is not there, or not whole",
            f"ploutos job artifacts --artifacts {store.url}",
        )
    final = home.bundles / bundle_id
    if final.is_dir():
        return PolicyBundle.load(final).path
    with storage_errors(final):
        home.bundles.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=home.bundles, prefix=".draft-"))
        try:
            store.get(f"{_BUNDLES}/{bundle_id}", draft)
            _check_id(PolicyBundle.load(draft), bundle_id, store)
            draft.chmod(0o755)
            os.rename(draft, final)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return final


def fetch_ledger(store: ArtifactStore, home: Home) -> list[str]:
    """Bring the stored trials that `home` does not have yet; returns their files' names.

    Each enters the hash chain of this home as it comes.
    """
    fetched = store.get(_LEDGER, home.ledger) if published_problems(store) else []
    ledger = TrialLedger(home.ledger)
    for problem in sorted({name.partition("/")[0] for name in fetched}):
        ledger.adopt(problem)
    return fetched


def _check_id(bundle: PolicyBundle, bundle_id: str, store: ArtifactStore) -> None:
    if bundle.manifest.bundle_id != bundle_id:
        raise BundleError(
            f"{store.address(f'{_BUNDLES}/{bundle_id}')} is refused",
            f"its manifest is that of bundle {bundle.manifest.bundle_id}",
            "publish the bundle again from where it was made",
        )
