"""The Market as training cuts it: folds, regimes, curriculum, and where it is stored."""
