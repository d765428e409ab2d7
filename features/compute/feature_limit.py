"""How far a feature may lie from 0: clipped here, and checked wherever features arrive."""

FEATURE_LIMIT = 10.0  # features and their normalised values lie in [-10, 10]
