"""The policy bundle: a folder that says what it is, proves it, and is loaded without pickle.

`manifest.json` and `policy.onnx` make the policy; `sb3.zip` may lie beside them and is never
opened here (unpickling it runs code); `verdict.json` is written after judging, `stress.json` after
the stress tests, `unproven.json` by an override of the gate, and `card.md` anew after each of them.
The hashes find damage and mix-ups; they are no signature.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import BundleError, DataError
from cluster.files import canonical_json, newest_first, storage_errors, sync_folder, write_atomic
from envs.arrays import Float32, Int64
from train.bundle.manifest import (
    BundleFile,
    Manifest,
    ManifestFields,
    complete,
    parse_manifest,
)
from train.bundle.model_card import CARD_FILE, CardFacts, card_bytes, check_card
from train.bundle.onnx_check import MAX_BYTES, check_onnx
from train.bundle.override import UNPROVEN, Unproven, read_unproven
from train.bundle.sealed import MAX_JSON_BYTES, damaged, plain_bytes
from train.bundle.stress_record import STRESS, read_stress
from train.bundle.verdict_record import VERDICT, VerdictRecord
from train.policy.contract import INPUT_NAME, OUTPUT_NAME, softmax

MANIFEST_FILE = "manifest.json"
_MAX_ZIP_BYTES = 500 << 20


class PolicyBundle:
    """A checked policy, ready to act; `load` makes it."""

    def __init__(
        self, path: Path, manifest: Manifest, verdict: VerdictRecord | None, onnx: bytes
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.verdict = verdict
        self._session = open_session(onnx)

    @classmethod
    def load(
        cls,
        path: str | Path,
        *,
        expect_symbols: Sequence[str] | None = None,
    ) -> "PolicyBundle":
        """Open a bundle after checking every byte of it.

        Args:
            path: the bundle's folder.
            expect_symbols: the caller's symbols, in slot order.

        Raises:
            BundleError: anything is missing, changed, foreign or made for something else.
        """
        folder = Path(path)
        manifest = read_manifest(folder)
        if expect_symbols is not None:
            _check_symbols(manifest, expect_symbols)
        onnx = _checked_bytes(folder, manifest)
        check_onnx(onnx, manifest)
        read_unproven(folder, manifest.bundle_id)
        read_stress(folder, manifest.bundle_id)
        check_card(folder, manifest.bundle_id)
        return cls(folder, manifest, read_verdict(folder, manifest), onnx)

    @property
    def unproven(self) -> Unproven | None:
        """The mark of a bundle that went past the gate, as it is on the disk now.

        Raises:
            BundleError: the mark was changed.
        """
        return read_unproven(self.path, self.manifest.bundle_id)

    def logits(self, observation: Float32) -> Float32:
        """(B, A, 3) scores of HOLD, BUY, SELL for raw full observations (B, D) f32.

        Raises:
            DataError: the observation has another shape or type, or is not finite.
            BundleError: the network's own output is not finite.
        """
        self._check_observation(observation)
        (output,) = self._session.run([OUTPUT_NAME], {INPUT_NAME: observation})
        logits = np.asarray(output, np.float32)
        wanted = (len(observation), self.manifest.num_assets, 3)
        if logits.shape != wanted or not np.isfinite(logits).all():
            raise BundleError(
                f"the policy of bundle {self.manifest.bundle_id} cannot be trusted",
                f"its output is not finite, or not of shape {wanted}",
                "act on no decision of it; serve another bundle",
            )
        return logits

    def act(self, observation: Float32) -> Int64:
        """(B, A) actions, the likeliest of each asset: 0 HOLD, 1 BUY, 2 SELL; see `logits`."""
        actions: Int64 = np.argmax(self.logits(observation), axis=2).astype(np.int64)
        return actions

    def probabilities(self, observation: Float32) -> Float32:
        """(B, A, 3) softmax of `logits`."""
        return softmax(self.logits(observation))

    def _check_observation(self, observation: Float32) -> None:
        size = self.manifest.observation_size
        if observation.dtype != np.float32 or observation.ndim != 2:
            raise DataError(
                "the observation is not a batch",
                f"(B, {size}) float32 is wanted, not {observation.shape} {observation.dtype}",
            )
        if observation.shape[1] != size:
            raise DataError(
                f"the observation has {observation.shape[1]} numbers",
                f"bundle {self.manifest.bundle_id} takes {size}: "
                f"{self.manifest.num_assets} assets, {len(self.manifest.feature_names)} features",
            )
        if not np.isfinite(observation).all():
            raise DataError("the observation holds NaN or infinity")


def save_bundle(folder: Path, onnx: bytes, sb3_zip: bytes | None, stated: ManifestFields) -> Path:
    """Write `folder/<bundle id>/` whole or not at all, and check what was written.

    The id covers every byte, so a folder of that name holds the same bundle and is kept.

    Raises:
        BundleError: the model breaks a rule of `PolicyBundle.load`.
    """
    contents: dict[BundleFile, bytes] = {"policy.onnx": onnx}
    if sb3_zip is not None:
        contents["sb3.zip"] = sb3_zip
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    manifest = complete(stated, digests)
    check_onnx(onnx, manifest)
    final = folder / manifest.bundle_id
    with storage_errors(final):
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder, prefix=".draft-"))
        try:
            for name, data in contents.items():
                write_atomic(draft / name, data)
            write_atomic(draft / MANIFEST_FILE, canonical_json(manifest.model_dump(mode="json")))
            refresh_card(draft)
            draft.chmod(0o755)
            _settle(draft, final)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_folder(folder)
    PolicyBundle.load(final)
    return final


def _settle(draft: Path, final: Path) -> None:
    """Give the draft its name, unless the same bundle was there before, or came in between."""
    if final.exists():
        return
    try:
        os.rename(draft, final)
    except OSError:
        if not final.exists():
            raise


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, without its files being checked.

    Raises:
        BundleError: no such folder, or a manifest that is not valid.
    """
    data = plain_bytes(folder, MANIFEST_FILE, MAX_JSON_BYTES)
    return parse_manifest(data, str(folder))


def read_verdict(folder: Path, manifest: Manifest) -> VerdictRecord | None:
    """What judging said of a bundle; None before it was judged.

    Raises:
        BundleError: the verdict was changed, or belongs to another bundle.
    """
    return VERDICT.read(folder, manifest.bundle_id)


def update_verdict(folder: Path, verdict: VerdictRecord) -> None:
    """Write, or replace, the verdict of a bundle; the policy and its id stay as they are."""
    manifest = read_manifest(folder)
    VERDICT.write(folder, manifest.bundle_id, verdict)
    refresh_card(folder)


def refresh_card(folder: Path) -> Path:
    """Write the model card anew, from what the folder says of the bundle now."""
    manifest = read_manifest(folder)
    name = manifest.bundle_id
    facts = CardFacts(
        manifest=manifest,
        verdict=read_verdict(folder, manifest),
        stress=read_stress(folder, name),
        unproven=read_unproven(folder, name),
    )
    write_atomic(folder / CARD_FILE, card_bytes(facts))
    return folder / CARD_FILE


def list_bundles(bundles: Path) -> list[Path]:
    """The bundles in a folder, newest first by their manifests, those that are not valid last."""
    found = [
        path.parent for path in bundles.glob(f"*/{MANIFEST_FILE}") if path.parent.name[0] != "."
    ]
    return newest_first(found, lambda folder: read_manifest(folder).created)


def latest_bundle(bundles: Path) -> Path:
    """The newest bundle of a folder.

    Raises:
        BundleError: there is none, or none that is valid; names one.
    """
    found = list_bundles(bundles)
    if not found:
        raise BundleError(f"no bundle in {bundles}", "", "make one: ploutos demo")
    read_manifest(found[0])
    return found[0]


def _check_symbols(manifest: Manifest, symbols: Sequence[str]) -> None:
    if tuple(symbols) not in (manifest.symbols, manifest.tickers):
        raise BundleError(
            f"bundle {manifest.bundle_id} was made for other symbols, or another order",
            f"it takes {', '.join(manifest.symbols)}, not {', '.join(symbols)}",
            "give bars of those symbols, or train a bundle on yours",
        )


def _checked_bytes(folder: Path, manifest: Manifest) -> bytes:
    """The bytes of policy.onnx, after the whole folder was checked against the manifest."""
    beside = {VERDICT.file, UNPROVEN.file, STRESS.file, CARD_FILE}
    known = {MANIFEST_FILE, *beside, *manifest.files}
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in known)
    if foreign:
        raise damaged(folder, f"it holds {foreign[0]!r}, which the manifest does not know")
    limits = {"policy.onnx": MAX_BYTES, "sb3.zip": _MAX_ZIP_BYTES}
    contents = {}
    for name, digest in manifest.files.items():
        contents[name] = plain_bytes(folder, name, limits[name])
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            raise damaged(folder, f"{name} is not the file that the manifest names (sha256)")
    return contents["policy.onnx"]


def open_session(onnx: bytes) -> Any:
    """An inference session on the CPU.

    One thread, no spinning: policies are small, and trials and replicas share the cores.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
