"""The key of the vault: from the environment, else from a file of the home, made on the first run."""

import os
import re
from pathlib import Path

from roundtrip.errors import BadInput
from roundtrip.files import create_secret
from roundtrip.home import Home

VARIABLE = "ROUNDTRIP_VAULT_KEY"


def key_file(home: Home) -> Path:
    return home.secrets_dir / "vault.key"


def load_key(home: Home) -> str:
    """$ROUNDTRIP_VAULT_KEY, else what stands in `secrets/vault.key`, which the first run makes.

    Raises:
        BadInput: there is a vault and no key, or what is given is no key. No message ever shows a key.
    """
    if given := os.environ.get(VARIABLE):
        return _checked(given, f"${VARIABLE}", f"set it to 32 characters or more without blanks: {_RECIPE}")
    file = key_file(home)
    if not file.exists():
        if home.vault_db.exists():
            raise BadInput(
                f"{file} is missing and ${VARIABLE} is not set, but {home.vault_db} is encrypted",
                "put the key back from your backup, or set the variable: without it nobody reads the vault",
            )
        create_secret(file)
    key = file.read_text(encoding="utf-8", errors="replace").strip()
    return _checked(key, str(file), "put the key back from your backup")


_RECIPE = "openssl rand -hex 32"


def _checked(key: str, place: str, hint: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{32,}", key):
        raise BadInput(f"{place} does not hold a key", hint)
    return key
