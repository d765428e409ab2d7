"""What an answer says of itself, and whether that is what was asked for."""

from typing import Any

from features.sources.http.errors import NotServed, SourceDown


def refuse_other(source: str, asked: dict[str, Any], said: dict[str, Any]) -> None:
    """Refuse an answer of something else; what it does not say is not held against it.

    Args:
        source: Who answered.
        asked: Any of `symbol`, `interval`, `adjusted` and `currency`.
        said: The same, as the answer has them.

    Raises:
        SourceDown: the answer is of something else than what was asked for.
        NotServed: the symbol is traded in another currency.
    """
    for name, wanted in asked.items():
        given = said.get(name)
        if given is None or given == wanted:
            continue
        if name == "currency":
            raise NotServed(source, f"its prices of it are in {str(given)[:20]}, not in {wanted}")
        why = f"its answer is of {name} {str(given)[:20]}, {wanted} was asked for"
        raise SourceDown(source, why, again=False)
