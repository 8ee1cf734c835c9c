"""Who is told of what: names of environment variables in company.yml, addresses only in the environment."""

import os
import re

from roundtrip.errors import BadInput

#: Addresses for every company of this machine; company.yml may name more variables.
VARIABLE = "ROUNDTRIP_NOTIFY_URLS"
NOTIFY, NOTIFY_FROM, NOTIFY_LANGUAGE = "notify", "notify_from", "notify_language"
SEVERITIES = ("warning", "error")
LANGUAGES = ("en", "zh")


def check(settings: dict) -> None:
    """Refuse what cannot be a name of a variable: an address in a file would be a secret in a file.

    Raises:
        BadInput: one of them is not what it should be; no message shows what was given.
    """
    names = settings.get(NOTIFY)
    if names is not None and not (isinstance(names, list) and all(_is_name(name) for name in names)):
        raise BadInput(
            f"company.yml: {NOTIFY} must be a list of names of environment variables, as [TEAM_CHAT_URL]",
            "put the addresses themselves into these variables: they hold passwords, and files are copied",
        )
    for name, allowed in ((NOTIFY_FROM, SEVERITIES), (NOTIFY_LANGUAGE, LANGUAGES)):
        if name in settings and settings[name] not in allowed:
            raise BadInput(f"company.yml: {name} is not known", f"give one of {', '.join(allowed)}")


def _is_name(name) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[A-Z_][A-Z0-9_]*", name) is not None


def addresses_text(settings: dict) -> list[str]:
    """What stands in the variables that are set, each perhaps several addresses; a secret."""
    names = dict.fromkeys([VARIABLE, *(settings.get(NOTIFY) or ())])
    return [text for name in names if (text := os.environ.get(name, "").strip())]


def severities(settings: dict) -> tuple[str, ...]:
    """Of which severities people are told: errors, and warnings too if the company asks for them."""
    return SEVERITIES[SEVERITIES.index(settings.get(NOTIFY_FROM, "error")) :]


def language(settings: dict) -> str:
    """The language in which people are told."""
    return settings.get(NOTIFY_LANGUAGE, "en")
