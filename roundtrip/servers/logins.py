"""Generated passwords and keys of the servers: one file each under the home's secrets folder."""

import secrets
from pathlib import Path

from roundtrip.files import write_atomically
from roundtrip.home import Home

USER = "admin"


def password_file(home: Home, server: str) -> Path:
    """Where the password of `mlflow` or `reports` is kept: one line, readable by the owner only."""
    return home.secrets_dir / f"{server}-password"


def password(home: Home, server: str) -> str:
    """The server's password, generated on first use (24 characters, about 144 bits)."""
    return _kept(password_file(home, server), 18)


def mlflow_secret_key(home: Home) -> str:
    """Signs MLflow's session cookies; kept, so that a restart logs nobody out."""
    return _kept(home.secrets_dir / "mlflow-secret-key", 32)


def _kept(file: Path, random_bytes: int) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.parent.chmod(0o700)
        write_atomically(file, secrets.token_urlsafe(random_bytes) + "\n", mode=0o600)
    return file.read_text(encoding="utf-8").strip()
