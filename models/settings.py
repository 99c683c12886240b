"""Settings from the environment or a `.env` file; the only place that reads either."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import HotlineError


class SettingWrong(HotlineError):
    """A setting has a value that cannot be used; the message names it."""


class Settings(BaseSettings):
    """What an installation sets otherwise: `HOTLINE_HOME`, `HOTLINE_DATABASE_URL`, and so on."""

    model_config = SettingsConfigDict(env_prefix="HOTLINE_", env_file=".env", extra="ignore")

    home: Path = Field(default=Path("~/.local/share/hotline"))
    database_url: str | None = None
    broker_url: str | None = None
    policy: Path | None = None
    lang: Literal["zh", "en"] = "zh"
    key_file: Path | None = None
    operator: str | None = None

    @property
    def folder(self) -> Path:
        """Everything that the embedded default keeps, as an absolute path."""
        return self.home.expanduser().absolute()

    @property
    def store_url(self) -> str:
        """Where the tables are: the given database, or SQLite in the home."""
        return self.database_url or f"sqlite:///{self.folder / 'hotline.db'}"

    @property
    def key_path(self) -> Path:
        """The file with the keys of sealed columns."""
        given = self.key_file
        return given.expanduser().absolute() if given else self.folder / "hotline.key"


def load_settings() -> Settings:
    """The settings of this process; raises SettingWrong with the variable's name."""
    try:
        return Settings()
    except ValidationError as wrong:
        first = wrong.errors()[0]
        name = "HOTLINE_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingWrong(f"{name}={first['input']!r}: {first['msg']}") from wrong
