"""Where tests find the repository, and the data beside it that they may read."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"  # absent outside the workshop: tests that need it skip
DATA = SHARED / "data"  # real bars, membership, sectors
