"""verdict.json as earlier versions wrote it is read as it was, and a new one as it is."""

from train.bundle.verdict_record import VERDICT, BaselineExcess, Check

BUNDLE = "0123456789abcdef"
NAMES_ONLY = b"""{
 "bundle_id": "0123456789abcdef",
 "sha256": "915210d88c5bf86bcca8781394be829f8551006ff355d882ee0c3819905348b0",
 "verdict": {
  "days": 60, "deflated_sharpe": 0.5, "deflation_threshold": 0.75,
  "excess": [
   {"baseline": "buy_and_hold SPY", "excess": 0.25, "high": 1.0, "low": -0.5, "spa_p": 0.5}
  ],
  "label": "NOT BETTER", "reasons": ["degenerate: it never traded"],
  "sharpe": 0.5, "sharpe_high": 1.25, "sharpe_low": -0.25, "trials": 4
 }
}"""


def test_a_baseline_of_an_older_file_is_known_by_its_name() -> None:
    verdict = VERDICT.parse(NAMES_ONLY, BUNDLE, "here")

    assert [(row.kind, row.symbol) for row in verdict.excess] == [("buy_and_hold", "SPY")]
    assert VERDICT.parse(VERDICT.encode(BUNDLE, verdict), BUNDLE, "here") == verdict


def test_an_older_file_has_reasons_and_no_checks() -> None:
    verdict = VERDICT.parse(NAMES_ONLY, BUNDLE, "here")

    assert verdict.checks == ()
    assert verdict.reasons == ("degenerate: it never traded",)


def test_checks_come_back_as_they_were() -> None:
    checks = (
        Check.at_least("test sessions", 15, 20, text="15 test sessions, needs 20"),
        Check.at_most("overfitting (PBO)", None, 0.2),
        Check.more_than("Sharpe", 0.0, 0.0, why="none"),
    )
    older = VERDICT.parse(NAMES_ONLY, BUNDLE, "here")

    verdict = older.model_copy(update={"checks": checks})

    assert VERDICT.parse(VERDICT.encode(BUNDLE, verdict), BUNDLE, "here") == verdict
    assert [str(check) for check in checks] == [
        "15 test sessions, needs 20",
        "overfitting (PBO) not measured, needs at most 0.2: "
        "too few trials or sessions to measure it",
        "Sharpe 0, needs more than 0: none",
    ]
    assert [check.passed for check in checks] == [False, False, False]


def test_a_baseline_keeps_its_kind_and_its_symbol() -> None:
    row = BaselineExcess(
        baseline="momentum", kind="momentum", symbol="", excess=0.1, low=0.0, high=0.2
    )
    older = VERDICT.parse(NAMES_ONLY, BUNDLE, "here")

    verdict = older.model_copy(update={"excess": (row,)})

    assert VERDICT.parse(VERDICT.encode(BUNDLE, verdict), BUNDLE, "here") == verdict
    assert b'"kind":"momentum"' in VERDICT.encode(BUNDLE, verdict)
