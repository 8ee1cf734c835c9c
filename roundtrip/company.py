"""Which company a home belongs to, where its files are, and its own settings."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path

import yaml

from roundtrip.errors import BadInput
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.identity.settings import Linking
from roundtrip.notify.settings import check as check_notify
from roundtrip.rates import read_rates

#: Settings a company may give in company.yml; every one has a default that follows definitions.md.
KNOWN_SETTINGS = {
    "name": "the company's name, shown in reports",
    "reporting_currency": "ISO 4217; money in reports is in it (default: the most booked currency)",
    "exchange_rates": "currency, valid_from, rate: a list, or a CSV file; to reporting_currency",
    "as_of": "the date a run is for when none is given (default: yesterday)",
    "plan_starts_on": "first day of month 1 of the rollout plan (default: not started)",
    "label_horizon_min_days": "H is at least this (default 180)",
    "label_horizon_max_days": "H is at most this (default 365)",
    "personal_columns": "table -> text columns that are personal data, too: kept in the vault",
    "encodings": "file (a pattern) -> encoding of its text, where its content does not tell it",
    "link_accounts": "false: every account counts as a person of its own (default true)",
    "link_min_probability": "how sure two accounts must be one person's to be linked (default 0.95)",
    "never_link": "pairs of customer ids that are known to be different people",
    "versions_kept": "how many publications are kept to roll back to, at least 2 (default 7)",
    "notify": "names of environment variables with apprise addresses, beside $ROUNDTRIP_NOTIFY_URLS",
    "notify_from": "error (default) or warning: from which severity on people are notified",
    "notify_language": "en (default) or zh: the language in which people are notified",
    "retention_costs": "customer_value, offer_cost, contact_cost, accepted_share: for expected profit",
    "retention": "budget_per_round and what else a round is planned by (docs/deciding.md)",
    "strategies": "a table of service strategies instead of plan/strategies.yml, as seen from company.yml",
    "plan": "a rollout plan instead of plan/rollout.yml, as seen from company.yml",
    "warnings": "max_share_per_month, cool_down_days and what else warnings are raised by (docs/warnings.md)",
    "max_quarantined_share": "table -> share of refused rows above which the landing gate fails",
}


@dataclass(frozen=True)
class Company:
    """What `roundtrip run` was told, kept in the home so that every later stage knows it.

    `source` is the mapping folder, or None where the files have the contract's shape already.
    """

    name: str
    landing: str
    source: str | None = None
    settings: dict = field(default_factory=dict)

    def save(self, home: Home) -> None:
        write_atomically(home.company_file, json.dumps(asdict(self), indent=2, ensure_ascii=False))

    @classmethod
    def load(cls, home: Home) -> "Company":
        """The company of this home.

        Raises:
            BadInput: nothing was ever run here.
        """
        if not home.company_file.exists():
            raise BadInput(
                f"{home.root} holds no company yet",
                "start with `roundtrip run --landing FOLDER`, or `make run` for the simulated one",
            )
        return cls(**json.loads(home.company_file.read_text(encoding="utf-8")))

    def home(self, chosen: Path | None, say: Callable[[str], None]) -> Home:
        """The home to use: never one that holds another company.

        A home that was chosen (by option or environment) is used as it is. The default one goes to the first
        company that comes; the next gets a home of its own below it, and `say` tells where.

        Raises:
            BadInput: the chosen home holds another company.
        """
        home = Home.from_env(chosen)
        if not home.company_file.exists() or Company.load(home).name == self.name:
            return home
        if chosen or os.environ.get("ROUNDTRIP_HOME"):
            raise BadInput(
                f"{home.root} holds the company {Company.load(home).name!r}, not {self.name!r}",
                "give each company its own --home",
            )
        own = Home(home.root / "companies" / re.sub(r"[^\w.-]+", "_", self.name))
        say(f"{home.root} holds {Company.load(home).name!r}; {self.name!r} is kept in {own.root}")
        return own

    @classmethod
    def describe(cls, landing: Path, source: Path | None) -> "Company":
        """Read company.yml from the mapping folder, else from the landing folder, else defaults.

        Raises:
            BadInput: a folder is missing, or company.yml has an unknown key or a bad date.
        """
        if not landing.is_dir():
            raise BadInput(f"landing folder {landing} does not exist", "give the folder that holds the files")
        if source is not None and not source.is_dir():
            raise BadInput(
                f"mapping folder {source} does not exist",
                "give a folder such as sources/hi_guides with one <table>.sql per contract table",
            )
        file = next(
            (f / "company.yml" for f in (source, landing) if f and (f / "company.yml").exists()), None
        )
        settings = {}
        if file is not None:
            try:
                settings = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            except yaml.YAMLError as error:
                raise BadInput(f"{file} is not YAML: {error}", "mend the line it names") from error
            if not isinstance(settings, dict):
                raise BadInput(f"{file} must hold `key: value` lines", _known())
            if unknown := sorted(set(settings) - set(KNOWN_SETTINGS)):
                raise BadInput(f"{file} has unknown settings: {', '.join(unknown)}", _known())
            check_notify(settings)
            Linking.of(settings)
            for key in ("as_of", "plan_starts_on"):
                if key in settings:
                    if not isinstance(settings[key], date):
                        raise BadInput(
                            f"{file}: {key} is {settings[key]!r}, not a date", "write it as 2025-12-31"
                        )
                    settings[key] = settings[key].isoformat()
            if settings.get("retention") is not None:
                # These rooms ask for the company themselves.
                from roundtrip.rounds.settings import Retention

                Retention.of(settings)
            if settings.get("warnings") is not None:
                from roundtrip.warn.settings import Rules

                Rules.of(settings)
            if settings.get("strategies") is not None:
                from roundtrip.strategies.table import load

                settings["strategies"] = _checked_file(settings, "strategies", file, load, "strategies.yml")
            if settings.get("plan") is not None:
                from roundtrip.rollout.plan import load_plan

                settings["plan"] = _checked_file(settings, "plan", file, load_plan, "rollout.yml")
            if settings.get("exchange_rates") is not None:
                settings["exchange_rates"] = read_rates(
                    settings["exchange_rates"], file, settings.get("reporting_currency")
                )
        return cls(
            name=str(settings.get("name", landing.resolve().name)),
            landing=str(landing.resolve()),
            source=str(source.resolve()) if source else None,
            settings=settings,
        )


def _known() -> str:
    return "known settings: " + "; ".join(f"{key} ({why})" for key, why in KNOWN_SETTINGS.items())


def _checked_file(
    settings: dict, name: str, company_file: Path, check: Callable[[Path], object], example: str
) -> str:
    """The path that a setting names, as seen from company.yml.

    Args:
        check: reads the file and raises BadInput where it has a mistake.  example: a name for a hint.
    """
    told = settings[name]
    if not isinstance(told, str) or not told.strip():
        raise BadInput(f"{company_file}: {name} is {told!r}", f"name a file like plan/{example}, beside it")
    file = (company_file.parent / told).resolve()
    check(file)
    return str(file)
