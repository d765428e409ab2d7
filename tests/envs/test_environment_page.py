import re
from dataclasses import fields

import pytest

from envs import V6Params
from envs.slippage.registry import MODELS
from places import ROOT

PAGE = (ROOT / "docs" / "environment.md").read_text()


def test_the_pages_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(example, "docs/environment.md", "exec"), {})
    printed = capsys.readouterr().out
    assert re.fullmatch(r"\d+ USD after \d+ trades\n", printed)
    assert 20_000 < int(printed.split()[0]) < 500_000


def test_the_page_names_what_tells_the_presets_apart() -> None:
    default, reference = V6Params.default(), V6Params.reference()
    for field in fields(V6Params):
        if getattr(default, field.name) != getattr(reference, field.name):
            assert f"`{field.name}`" in PAGE


def test_the_page_says_of_each_slippage_model_what_it_is_registered_with() -> None:
    table = re.search(r"\| `slippage_model` \|.*\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
    assert table is not None
    rows = [f"| `{model.name}` | {model.summary} |" for model in MODELS]
    assert table[1].splitlines() == rows
