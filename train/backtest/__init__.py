"""Backtests: a policy or a baseline walks through bars at V6's costs."""
