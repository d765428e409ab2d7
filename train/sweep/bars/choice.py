"""What a command line says of the bars, and the options that say it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cluster.errors import UsageError

FileOption = Annotated[
    Path | None,
    typer.Option("--bars", help="Parquet or CSV; default: the lake, simulated while it is empty."),
]
SimulatedOption = Annotated[
    bool, typer.Option("--simulated", help="The simulated market, whatever the lake holds.")
]
EdgeOption = Annotated[
    float | None, typer.Option(help="Sharpe ratio planted in the simulated market.")
]
SourceOption = Annotated[str | None, typer.Option(help="Series of the lake, where it has several.")]
LakeOption = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER|URL", help="The lake; default: PLOUTOS_LAKE, else the home's own."
    ),
]


@dataclass(frozen=True, kw_only=True)
class BarsChoice:
    """A file, the simulated market, or by default the lake.

    Args:
        file: Parquet or CSV.
        simulated: The simulated market.
        edge: Sharpe ratio planted in it; asks for it, too.
        source: Series of the lake; None where it has one.
        lake: Folder or fsspec URL; None for the setting PLOUTOS_LAKE, else the home's own.

    Raises:
        UsageError: they contradict each other.
    """

    file: Path | None = None
    simulated: bool = False
    edge: float | None = None
    source: str | None = None
    lake: str | None = None

    def __post_init__(self) -> None:
        """Refuse bars of two places."""
        places = {
            "--bars": self.file is not None,
            "--edge" if self.edge is not None else "--simulated": self.is_simulated,
            "--source" if self.source is not None else "--lake": (self.source or self.lake)
            is not None,
        }
        given = [option for option, is_given in places.items() if is_given]
        if len(given) > 1:
            raise UsageError(
                f"{' and '.join(given)} contradict each other",
                "bars come from a file, from the lake, or from the simulated market",
                f"keep one of {', '.join(given)}",
            )

    @property
    def is_simulated(self) -> bool:
        """Whether the simulated market is asked for."""
        return self.simulated or self.edge is not None
