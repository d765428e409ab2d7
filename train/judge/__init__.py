"""Judging a bundle: its test window, a walk-forward, unseen bars, the promotion gate."""
