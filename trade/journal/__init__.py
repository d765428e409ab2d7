"""The journal: what happened, on disk before an order leaves, and everything read back from it."""
