"""Say which lines and branches the tests reach: `coverage json -o - | coverage_floor.py 90`.

coverage's own floor mixes both. Exit code 1 below the given percentage of lines.
"""

import json
import sys
from typing import Any


def verdict(totals: dict[str, Any], floor: float) -> tuple[str, bool]:
    """One sentence on `totals` of coverage's JSON, and whether enough lines are reached."""
    lines, branches = totals["percent_statements_covered"], totals["percent_branches_covered"]
    said = (
        f"{lines:.1f} % of {totals['num_statements']:,} lines"
        f" and {branches:.1f} % of {totals['num_branches']:,} branches are reached"
    )
    if lines >= floor:
        return said, True
    return f"{said}; at least {floor:g} % of lines must be", False


if __name__ == "__main__":
    sentence, enough = verdict(json.load(sys.stdin)["totals"], float(sys.argv[1]))
    print(sentence)
    sys.exit(not enough)
