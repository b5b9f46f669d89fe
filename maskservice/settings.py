"""The settings: frozen, typed, read once from config/ and the environment, every mistake reported together.

Answers for: where a setting comes from and what it may be. Must not know: what it is used for.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "MASKSERVICE_"
# Names with our prefix that are no settings: they choose the files, or belong to the tests, the simulated PBX and the
# import.
_OTHER_NAMES = ("ENV", "CONFIG", "TEST_", "SIMULATOR_", "IMPORT_")

_HOST = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])"
_PUBLIC_URL = re.compile(rf"https?://{_HOST}(?::[0-9]{{1,5}})?(?:/[A-Za-z0-9._~-]+)*/?")


class SettingsInvalid(Exception):
    """Settings that cannot be used; the text lists every mistake, a line each, without any value."""


def config_folder() -> Path | None:
    """The folder of the shipped files: MASKSERVICE_CONFIG, ./config, beside the package, or the environment's share
    folder."""
    named = os.environ.get(PREFIX + "CONFIG")
    if named:
        return Path(named)
    places = (Path("config"), Path(__file__).parent.parent / "config", Path(sys.prefix) / "share/maskservice/config")
    return next((place for place in places if (place / "default.toml").is_file()), None)


class Settings(BaseSettings):
    """One field a setting; config/default.toml says what each is."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, env_ignore_empty=True
    )

    home: Path = Path("var")
    database_url: str = Field(default="", repr=False)
    keyring: str = Field(default="", repr=False)
    bind: str = "127.0.0.1:8000"
    public_url: str = ""
    workers: int = Field(default=0, ge=0, le=512)
    threads: int = Field(default=8, ge=1, le=256)
    graceful_timeout_s: int = Field(default=30, ge=1, le=3600)
    max_body_bytes: int = Field(default=65536, ge=1024, le=64 * 1024 * 1024)
    max_batch_bytes: int = Field(default=16 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    database_pool_size: int = Field(default=8, ge=1, le=500)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    mask: str = Field(default="O", min_length=1, max_length=1)
    latin_mask: str = Field(default="*", min_length=1, max_length=1)
    worker_interval_s: float = Field(default=5.0, gt=0, le=3600)
    worker_batch: int = Field(default=1000, ge=1, le=5_000)
    call_retention_months: int = Field(default=12, ge=1, le=1200)
    binding_retention_months: int = Field(default=0, ge=0, le=1200)
    hooks_allow_private: bool = False
    hooks_ca_file: str = ""

    @field_validator("bind")
    @classmethod
    def _host_and_port(cls, text: str) -> str:
        host, _, port = text.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("write HOST:PORT, for instance 127.0.0.1:8000")
        return text

    @field_validator("hooks_ca_file")
    @classmethod
    def _certificates(cls, path: str) -> str:
        # A file that is missing or no PEM would make every hook fail, one call after the other.
        if path:
            try:
                ssl.create_default_context(cafile=path)
            except (OSError, ValueError):
                raise ValueError("there is no readable file of PEM certificates under this path") from None
        return path

    @field_validator("public_url")
    @classmethod
    def _plain_address(cls, text: str) -> str:
        # Signatures cover it to the letter, so nothing in it may be read in two ways.
        if text and not _PUBLIC_URL.fullmatch(text):
            raise ValueError("write it as https://mask.example.com, without user, query and fragment")
        return text.rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 -- the signature is pydantic-settings'
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        folder = config_folder()
        files = [] if folder is None else [folder / "default.toml"]
        chosen = os.environ.get(PREFIX + "ENV")
        if folder is not None and chosen:
            files.append(folder / f"{chosen}.toml")
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=files)

    @classmethod
    def load(cls, **given: Any) -> Settings:
        """Reads everything once; ``given`` goes over it, as an option of the command line does. Raises SettingsInvalid
        with every mistake."""
        mistakes = _unknown_names() + _missing_file()
        try:
            settings = cls(**given)
        except ValidationError as invalid:
            for error in invalid.errors(include_input=False, include_context=False, include_url=False):
                name = ".".join(str(part) for part in error["loc"])
                mistakes.append(f"{PREFIX}{name.upper()}: {error['msg'].removeprefix('Value error, ')}")
        except (OSError, ValueError) as unreadable:
            mistakes.append(f"config/: a file cannot be read ({type(unreadable).__name__})")
        if mistakes:
            raise SettingsInvalid("\n".join(mistakes))
        return settings

    @property
    def database(self) -> str:
        """The database's URL: the given one, or SQLite below ``home``."""
        return self.database_url or f"sqlite:///{(self.home / 'maskservice.db').absolute()}"

    @property
    def binding_months(self) -> int:
        """Months that a purged binding is kept: as given, or as long as call records."""
        return self.binding_retention_months or self.call_retention_months

    @property
    def base_url(self) -> str:
        """The address that PBXs call: the public one, or this machine's where none is set. No slash at its end."""
        return self.public_url or f"http://{self.bind}"

    @property
    def keyring_source(self) -> str:
        """Where the key ring is: as given, or the file below ``home``."""
        return self.keyring or str((self.home / "keyring.json").absolute())


def _unknown_names() -> list[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    other = tuple(PREFIX + name for name in _OTHER_NAMES)
    return [
        f"{name}: there is no such setting; config/default.toml lists them"
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not name.startswith(other)
    ]


def _missing_file() -> list[str]:
    chosen, folder = os.environ.get(PREFIX + "ENV"), config_folder()
    if not chosen:
        return []
    if not chosen.isalnum() or folder is None or not (folder / f"{chosen}.toml").is_file():
        return [f"{PREFIX}ENV: there is no file of this name in config/; use development, production or testing"]
    return []


__all__ = ["Settings", "SettingsInvalid", "config_folder"]
