"""Where settings and secrets come from: the environment, `.env`, files that are named. Nothing is read at import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from app.errors import ConfigurationError

DOTENV = Path(".env")


def read_secret_file(path: str | Path, setting: str) -> str:
    """The file's text without the line's end, or ConfigurationError naming the setting that pointed at it."""
    try:
        text = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{setting}: cannot read {path}: {words(error)}") from error
    if not text.strip():
        raise ConfigurationError(f"{setting}: {path} is empty")
    return text


def environment() -> dict[str, str]:
    """The names that `env:NAME` in relay.toml can mean: `.env`, and over it the environment. Empty ones are not set."""
    names = {**dotenv(), **{name: value for name, value in os.environ.items() if value}}
    return {name: value for name, value in names.items() if value}


def dotenv() -> Mapping[str, str | None]:
    """What `.env` sets, if there is one. ConfigurationError where it cannot be read."""
    from dotenv import dotenv_values

    try:
        return dotenv_values(DOTENV)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{DOTENV}: cannot be read: {words(error)}") from error


def words(error: Exception) -> str:
    """Why a file cannot be read."""
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
