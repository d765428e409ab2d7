"""What many tests need one of: a policy of known weights, a manifest, a bundle, a verdict, a trial.

Every maker takes the fields that a test is about; the others have values that fit each other.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from envs import Market, V6Params
from features import feature_fingerprint, feature_names
from train.bundle.bundle import save_bundle
from train.bundle.manifest import DataSpan, FoldSpan, Lineage, ManifestFields, Normalisation
from train.bundle.verdict_record import BaselineExcess, VerdictRecord
from train.ledger.record import TrialRecord
from train.policy.contract import INPUT_NAME, OUTPUT_NAME

SYMBOLS = ("XLK", "XLF", "XLE")
FEATURES = ("momentum", "volatility")
SESSIONS, BARS_A_DAY = 60, 7
PROBLEM = "0123456789abcdef"
CREATED = datetime(2026, 11, 22, 10, tzinfo=UTC)


def linear_policy(weights: np.ndarray[Any, Any], **changes: Any) -> bytes:
    """ONNX of `logits = observation @ weights`, weights (D, 3 A); `changes` bend the graph."""
    width, assets = len(weights), weights.shape[1] // 3
    weight = numpy_helper.from_array(weights.astype(np.float32), "weights")
    shape = numpy_helper.from_array(np.array([-1, assets, 3]), "shape")
    name = changes.get("output", OUTPUT_NAME)
    nodes = [
        helper.make_node("MatMul", [INPUT_NAME, "weights"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], [name]),
    ]
    end = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", assets, 3])
    batch = changes.get("batch", "batch")
    start = helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [batch, width])
    graph = helper.make_graph(nodes, "policy", [start], [end], [weight, shape])
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return bytes(changes.get("edit", lambda given: given)(model).SerializeToString())


def manifest(*, data: dict[str, Any] | None = None, **changes: Any) -> ManifestFields:
    """What the maker of a bundle of `SYMBOLS` and `FEATURES` states; `data` changes its span."""
    span: dict[str, Any] = {
        "label": "SIMULATED",
        "interval": "1h",
        "start": datetime(2024, 1, 2, 14, 30, tzinfo=UTC),
        "end": datetime(2024, 3, 1, 20, 30, tzinfo=UTC),
        "fingerprint": "cd" * 32,
        "bars": SESSIONS * BARS_A_DAY,
    }
    fields: dict[str, Any] = {
        "scenario": "demo",
        "learner": "sb3",
        "feature_set": "v6",
        "feature_fingerprint": "ab" * 32,
        "feature_names": FEATURES,
        "symbols": SYMBOLS,
        "v6_params": {"spread_bps": 2.0, "max_steps": 2500},
        "normaliser": Normalisation(mean=(0.0, 0.1), std=(1.0, 2.0)),
        "data": DataSpan(**span | (data or {})),
        "folds": (FoldSpan(index=0, train=(0, 140), validation=(147, 210), test=(217, 420)),),
        "lineage": Lineage(sweep="demo-1", trial="demo-1-a", seed=3, config={"gamma": 0.99}),
        "metrics": {"validation_sharpe": 0.5},
        "problem": PROBLEM,
        "created": CREATED,
    }
    return ManifestFields(**fields | changes)


def v6_manifest(symbols: tuple[str, ...], **changes: Any) -> ManifestFields:
    """A manifest over the real columns of feature set v6, not scaled, without folds."""
    names = feature_names("v6")
    fields: dict[str, Any] = {
        "feature_fingerprint": feature_fingerprint("v6"),
        "feature_names": names,
        "symbols": symbols,
        "v6_params": V6Params.default().to_dict(),
        "normaliser": Normalisation(mean=(0.0,) * len(names), std=(1.0,) * len(names)),
        "folds": (),
    }
    return manifest(**fields | changes)


def bundle_on(market: Market, folder: Path, weights: np.ndarray[Any, Any], **changes: Any) -> Path:
    """Folder of a bundle whose linear policy was made on this market."""
    stated = manifest(data={"fingerprint": market.fingerprint}, **changes)
    return save_bundle(folder, linear_policy(weights), None, stated)


def verdict(**changes: Any) -> VerdictRecord:
    """A record of NOT BETTER."""
    fields: dict[str, Any] = {
        "label": "NOT BETTER",
        "sharpe": 0.42,
        "sharpe_low": -0.31,
        "sharpe_high": 1.10,
        "deflated_sharpe": 0.38,
        "deflation_threshold": 0.66,
        "trials": 8,
        "days": 63,
        "excess": (BaselineExcess(baseline="equal_weight", excess=-0.05, low=-0.4, high=0.3),),
        "reasons": ("deflated Sharpe 0.38 is below 0.95",),
    }
    return VerdictRecord(**fields | changes)


def trial(**changes: Any) -> TrialRecord:
    """A completed trial of the sweep demo-1, with three days of returns."""
    fields: dict[str, Any] = {
        "trial_id": "demo-1-a",
        "problem": PROBLEM,
        "sweep": "demo-1",
        "scenario": "demo",
        "learner": "sb3",
        "seed": 3,
        "config": {"gamma": 0.99, "n_steps": 64},
        "status": "completed",
        "steps": 50_000,
        "validation_sharpe": 0.5,
        "test_returns": np.array([0.01, -0.02, 0.03]),
        "code_version": "0.1.0",
        "data_fingerprint": "cd" * 32,
        "created": CREATED,
    }
    made = fields | changes
    days = range(len(made["test_returns"]))
    made.setdefault("test_dates", [date(2024, 1, 2) + timedelta(days=day) for day in days])
    return TrialRecord(**made)
