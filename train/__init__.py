"""Scenarios, learners, sweeps, the trial ledger, verdicts and policy bundles."""
