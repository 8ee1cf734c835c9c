"""Which language a text is in: by its script, and within a script by what was delivered."""

import re

import pandas as pd

#: Script → the language taken where nothing (or nothing fitting) was delivered.
_DEFAULTS = {"han": "zh", "kana": "ja", "hangul": "ko", "latin": "en"}
_SCRIPTS = {
    "han": re.compile(r"[\u3400-\u9fff\uf900-\ufaff]"),
    "kana": re.compile(r"[\u3040-\u30ff]"),
    "hangul": re.compile(r"[\uac00-\ud7af]"),
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f]"),
    "other": re.compile(r"[\u0370-\u1fff]"),
}
#: One Chinese character says about as much as a short word.
_LATIN_PER_HAN = 4
UNKNOWN = "unknown"


def script_of(text: str) -> str | None:
    """han, kana, hangul, latin or other (Cyrillic, Arabic, Thai …): whichever says most; None without
    letters.
    """
    counts = {name: len(found.findall(text)) for name, found in _SCRIPTS.items()}
    if counts["kana"] * 10 > counts["han"] and counts["kana"]:
        return "kana"
    counts["latin"] /= _LATIN_PER_HAN
    best = max(counts, key=counts.get)
    return best if counts[best] else None


def languages(texts: pd.Series, delivered: pd.Series) -> pd.Series:
    """ISO 639 codes, `unknown` for texts without letters or in a script that nothing was delivered for.

    Args:
        delivered: BCP 47 tags as the company gave them, None where not. One that contradicts the script is
        not
            believed: an English text is often handed over with the customer's own language.
    """
    scripts = texts.map(script_of)
    primary = delivered.fillna("").str.lower().str.split("-").str[0]
    fits = primary.map(_script_of_language)
    return (
        scripts.map(_DEFAULTS)
        .where(scripts != fits, primary)
        .where(scripts.notna(), UNKNOWN)
        .fillna(UNKNOWN)
        .rename("language")
    )


def _script_of_language(code: str) -> str | None:
    if not code:
        return None
    known = {"zh": "han", "yue": "han", "ja": "kana", "ko": "hangul"}
    others = {
        "ru",
        "uk",
        "bg",
        "sr",
        "el",
        "ar",
        "he",
        "fa",
        "ur",
        "th",
        "hi",
        "bn",
        "ta",
        "ka",
        "hy",
        "am",
        "km",
    }
    return known.get(code) or ("other" if code in others else "latin")
