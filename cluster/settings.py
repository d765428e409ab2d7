"""Settings from the environment and `.env`, and the folder that everything is written to."""

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cluster.errors import ConfigError

ENV_FILE = ".env"


class Settings(BaseSettings):
    """The variables that a command reads; the process environment wins over `.env`.

    Others are nobody's business here, whatever they hold, and an empty one is unset.
    """

    model_config = SettingsConfigDict(env_file=ENV_FILE, env_ignore_empty=True, extra="ignore")

    ploutos_home: Path = Path(".ploutos")
    ploutos_lake: str = ""
    ploutos_artifacts: str = ""
    alpaca_paper_api_key: SecretStr | None = None
    alpaca_paper_secret_key: SecretStr | None = None
    etoro_api_key: SecretStr | None = None
    etoro_user_key: SecretStr | None = None
    massive_api_key: SecretStr | None = None
    polygon_api_key: SecretStr | None = None
    alpaca_data_url: str | None = None
    yahoo_url: str | None = None
    polygon_url: str | None = None


@dataclass(frozen=True)
class Home:
    """Where one installation keeps everything it writes; two homes never meet."""

    root: Path

    @property
    def lake(self) -> Path:
        """Bars, as Parquet."""
        return self.root / "lake"

    @property
    def universe(self) -> Path:
        """Who was in the index when, and in which sector."""
        return self.root / "universe"

    @property
    def tables(self) -> Path:
        """Markets with their feature tables, memory-mapped, named by content."""
        return self.root / "tables"

    @property
    def ledger(self) -> Path:
        """One out-of-sample return path for every trial that ever ran."""
        return self.root / "ledger"

    @property
    def sweeps(self) -> Path:
        """Ray Tune experiments: checkpoints and TensorBoard files."""
        return self.root / "sweeps"

    @property
    def bundles(self) -> Path:
        """Policy bundles."""
        return self.root / "bundles"

    @property
    def journal(self) -> Path:
        """Trading journals, one file a session."""
        return self.root / "journal"

    @property
    def reports(self) -> Path:
        """HTML and JSON reports."""
        return self.root / "reports"

    @property
    def tokens(self) -> Path:
        """Bearer tokens, mode 0600."""
        return self.root / "tokens"

    @property
    def logs(self) -> Path:
        """Output of background processes."""
        return self.root / "logs"


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        ConfigError: `.env` cannot be read as text, or a variable has a value that it cannot have;
            names the variable, not its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(
            f"setting {name} is wrong", first["msg"], f"correct {name} in .env or the environment"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{Path(ENV_FILE).absolute()} is not UTF-8",
            f"line {line} has the byte 0x{error.object[error.start]:02x}",
            "save it as UTF-8, or call the command from another folder",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"cannot read {ENV_FILE}", error.strerror or "", f"ls -l {ENV_FILE}"
        ) from error


def home() -> Home:
    """The home of this call: `PLOUTOS_HOME`, or `.ploutos` in the current folder.

    Inside a Ray job the current folder is a copy that Ray deletes after the job, so there the
    default is `.ploutos` in the user's own folder.

    Raises:
        ConfigError: there is no such user or no current folder, or as `load_settings`.
    """
    settings = load_settings()
    in_user_folder = _in_ray_job() and "ploutos_home" not in settings.model_fields_set
    path = Path("~/.ploutos") if in_user_folder else settings.ploutos_home
    try:
        return Home(path.expanduser().absolute())
    except (RuntimeError, FileNotFoundError) as error:
        raise ConfigError(
            f"PLOUTOS_HOME {path} is no place", str(error), "set PLOUTOS_HOME to an absolute path"
        ) from error


def _in_ray_job() -> bool:
    return "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
