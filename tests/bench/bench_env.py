"""Measure the environment against its targets: `python tests/bench/bench_env.py`, machine idle.

Not a test: a busy machine would fail it for no fault of the code.
"""

import sys

from envs.bench import bench_env

TARGETS = {"compact_steps_per_s": 2_000_000, "full_steps_per_s": 500_000}


def main() -> int:
    result = bench_env(assets=22, num_envs=1024, seconds=3.0)
    missed = [name for name, target in TARGETS.items() if result[name] < target]
    for name, value in result.items():
        print(f"{name:22} {value:>12,} {'below ' + f'{TARGETS[name]:,}' if name in missed else ''}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
