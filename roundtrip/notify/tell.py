"""The one function that both roads call after a stage: tells people what there is to tell, once."""

import contextlib
import hashlib
import json
import logging
from collections.abc import Iterator
from datetime import date

from roundtrip.company import Company
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.notify import settings as notify_settings
from roundtrip.notify.events import Event, events

#: Events remembered; older ones will not come again.
_REMEMBERED = 1000
#: Libraries that would write addresses into a log.
_TALKATIVE = ("apprise", "urllib3", "requests")
_log = logging.getLogger("roundtrip.notify")


def tell(home: Home, as_of: date, stage: str, was_killed: bool = False) -> list[str]:
    """Tell every address of what came of a stage, if there is something to tell and it is new.

    An address that could not be reached is tried again at the next try of the stage; one that was told is not
    told again of the same cause. Never raises: a notification that fails is a warning in the log, which names
    the kind of address only.

    Args:
        was_killed: the stage ended without writing a record.

    Returns:
        The kinds of addresses told (mailto, slack, json …).
    """
    try:
        return _tell(home, as_of, stage, was_killed)
    except Exception as error:
        _log.warning("people could not be notified: %s", type(error).__name__)
        return []


def _tell(home: Home, as_of: date, stage: str, was_killed: bool) -> list[str]:
    settings = Company.load(home).settings
    texts = notify_settings.addresses_text(settings)
    if not texts:
        return []
    wanted = notify_settings.severities(settings)
    found = [event for event in events(home, as_of, stage, was_killed) if event.severity in wanted]
    told = _remembered(home)
    before = dict(told)
    if not any(event.severity == "error" for event in found) and not was_killed:
        # It went well since: should it fail in the same way again, that is news.
        told = {key: ids for key, ids in told.items() if not key.startswith(f"{as_of}/{stage}/error/")}
    kinds = []
    for event in found:
        for address in _addresses(texts):
            its_id = hashlib.sha256(address.encode()).hexdigest()[:16]
            if its_id in told.get(event.key, []):
                continue
            kind = address.partition(":")[0]
            if _send(address, event):
                told.setdefault(event.key, []).append(its_id)
                kinds.append(kind)
            else:
                _log.warning("a notification through %s:// was not delivered", kind)
    if told != before:
        kept = dict(list(told.items())[-_REMEMBERED:])
        write_atomically(home.notified_file, json.dumps(kept, indent=1))
    return kinds


def _remembered(home: Home) -> dict[str, list[str]]:
    try:
        return json.loads(home.notified_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _addresses(texts: list[str]) -> list[str]:
    from apprise.utils.parse import parse_urls

    return list(dict.fromkeys(address for text in texts for address in parse_urls(text)))


def _send(address: str, event: Event) -> bool:
    import apprise

    asset = apprise.AppriseAsset(
        app_id="Roundtrip",
        app_desc="Roundtrip",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        async_mode=False,
    )
    kind = apprise.NotifyType.FAILURE if event.severity == "error" else apprise.NotifyType.WARNING
    with _silent():
        try:
            one = apprise.Apprise(asset=asset)
            return bool(one.add(address) and one.notify(body=event.body, title=event.title, notify_type=kind))
        except Exception:
            # Whatever a plugin raises may show the address.
            return False


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
