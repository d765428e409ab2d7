"""Random command lines: the commands' own options, with values that people and scripts get wrong.

What would start long work, a server, a browser or a connection gets one value that is impossible,
at its end, where the last one given wins.
"""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from apps.cli.cli import NOUNS, load_noun
from features import SimulatedMarket

LONG = "x" * 300  # longer than a file's name may be
WORDS = (
    *("", " ", ".", "..", "-", "-x", "=", "a=b", "=b", "a.b=", "null", "NaN", "[bold]x[/]"),
    *("ü", "日本", "\udcff", "a\nb", "\x1b[31m", "\x07", "\x7f", "a b", "'", '"', "../evil", "a/b"),
    *("%s", "{x}", "$HOME", "~nosuch", "*", "[1]", LONG, "champion", "demo", "all", "1h", "1d"),
    *("simulated", "SIMB00", "SIMB00,SIMB01", "v6", "candidate", "training.learning_rate=x"),
    *("data.tickers=[A", "max_position=0.1", "max_position=-1", "sb3", "rllib"),
)
WHOLE = (
    "",
    "0",
    "-1",
    "1",
    "2",
    "7",
    "9" * 30,
    "2147483648",
    "1.5",
    "nan",
    " 3",
    "٣",
    "0x1",
    "1_0",
)
REAL = ("", "0", "-0", "-1", "0.5", "1e9", "1e400", "-1e-400", "nan", "inf", "-inf", "1,5", "x")
DAYS = (
    *("2025-03-03", "2019-12-31", "0001-01-01", "9999-12-31", "1989-01-01", "2023-02-30", "today"),
    *("20230101", "2023-13-01", "2023-W01-1", "-1", "", "2262-04-12", "1970-01-01"),
)
QUERIES = (
    *("", ";", "select", "select 1; select 2", "drop table bars", "select * from bars limit 3"),
    *("select max(ts) - min(ts) from bars", "select 1 a, 2 a", "select [1], {'a': 1}, 'x'::blob"),
    *("select 170141183460469231731687303715884105727::hugeint", "select uuid(), time '12:00'"),
    *("select 'infinity'::timestamp, '290000-01-01'::date", "select '[b]', '\x1b'", "select null"),
    *("select * from read_csv('/etc/passwd')", "select map {'a': interval 1 month}", "pragma x"),
    *("select 1.10::decimal(9,4), 'nan'::double", "select '1'::bit", "select * from range(200)"),
)
DATE_NAMES = {"start", "end", "on", "as_of", "first", "second"}
IMPOSSIBLE = {  # noun, or noun and verb -> what nothing can be done with
    "demo": ("--bars", "missing.csv"),
    "tune run": ("--scenario", "missing.yaml"),
    "judge run": ("--scenario", "missing.yaml"),
    "serve up": ("--port", "0"),
    "app open": ("--port", "0"),
    "data fetch": ("--source", "nobody"),
    "universe build": ("--page", "missing.html"),
    "job": ("--address", "nowhere"),
    "bench env": ("--assets", "0"),
    "bench features": ("--symbols", "0"),
    "bench train": ("--no-such-option",),
    "report open": ("--no-browser",),
}


def make_places(root: Path) -> list[str]:
    """Files and folders of many kinds in `root`; their names, and names of nothing."""
    good = SimulatedMarket(symbols=2, sessions=20, interval="1h", seed=3).bars()
    good.write_csv(root / "good[1]*.csv")
    good.write_parquet(root / "good.parquet")
    contents = {
        "empty.csv": b"",
        "empty.json": b"",
        "torn.parquet": b"PAR1 and no more",
        "binary.csv": bytes(range(256)) * 8,
        "latin1.csv": "symbol,ts\nÄ,ü\n".encode("latin-1"),
        "header.csv": b"symbol,ts,open,high,low,close,volume\n",
        "list.json": b"[1, 2]",
        "deep.json": b"[" * 5000,
        "scenario.yaml": b"training: {learning_rate: nan}\n",
        "bomb.yaml": b"a: &a [x, x]\nb: [*a, *a]\n? [c]\n: 1\n",
        "page.html": b"<table><tr><td>x",
        "pickle.npz": b"PK\x03\x04" + bytes(40),
        "ü\n\x1b[31m.csv": b"a,b\n1,2\n",
    }
    for name, content in contents.items():
        (root / name).write_bytes(content)
    (root / "folder").mkdir()
    (root / "loop").symlink_to("loop")
    (root / "read-only").mkdir(mode=0o555)
    nothing = ("", ".", "..", "missing.csv", "missing.json", f"{LONG}.csv", "good.parquet/x.csv")
    odd = ("folder", "loop", "loop/x.csv", "read-only/out.csv", "read-only", "\udcff.csv", "a\tb")
    return [*nothing, *odd, "~nosuch/x.csv", "out.csv", "out.parquet", "out", *os.listdir(root)]


def commands() -> list[tuple[tuple[str, ...], Any]]:
    """Every command with its words."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for noun in NOUNS:
        loaded = load_noun(noun)
        verbs = getattr(loaded, "commands", None)
        found += (
            [((noun, verb), one) for verb, one in verbs.items()] if verbs else [((noun,), loaded)]
        )
    return found


def random_lines(seed: int, count: int, places: list[str]) -> Iterator[list[str]]:
    """The same seed gives the same lines."""
    chance = random.Random(seed)
    known = commands()
    for _ in range(count):
        words, command = chance.choice(known)
        line, rate = [*words], chance.choice((0.15, 0.5))  # few wrong values get further in
        for parameter in command.params:
            line += _given(parameter, chance, places, rate)
        if chance.random() < 0.3:
            line.append("--json")
        impossible = IMPOSSIBLE.get(" ".join(words), IMPOSSIBLE.get(words[0], ()))
        yield [*line, *impossible]


def _given(parameter: Any, chance: random.Random, places: list[str], rate: float) -> list[str]:
    """One option or argument with its value, or nothing."""
    if parameter.name in ("help", "as_json"):
        return []
    is_option = parameter.param_type_name == "option"
    if chance.random() > (rate if is_option and not parameter.required else 0.95):
        return []
    if is_option and getattr(parameter, "is_flag", False):
        return [chance.choice([*parameter.opts, *parameter.secondary_opts])]
    value = _value(parameter, chance, places)
    if not is_option:
        return [value]
    return (
        [parameter.opts[-1], value] if chance.random() < 0.8 else [f"{parameter.opts[-1]}={value}"]
    )


def _value(parameter: Any, chance: random.Random, places: list[str]) -> str:
    kind = parameter.bare_type()
    if parameter.name in DATE_NAMES:
        return chance.choice(DAYS)
    if parameter.name == "query":
        return chance.choice(QUERIES)
    if kind is int:
        return chance.choice(WHOLE)
    if kind is float:
        return chance.choice(REAL)
    if get_args(kind):  # one of several words
        return chance.choice([*map(str, get_args(kind)), *WORDS])
    if kind is Path or parameter.name in ("scenario", "bundle", "model", "artifacts"):
        return chance.choice([*places, *WORDS] if chance.random() < 0.3 else places)
    return chance.choice(WORDS)


def shown(line: list[str]) -> str:
    """A line that can be copied into a report."""
    return json.dumps(line)
