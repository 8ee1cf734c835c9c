"""What simulated customers write: from the row alone, fitting it, and never the same twice (or seldom)."""

import re

import numpy as np
import pandas as pd
import pytest

from roundtrip.simulate import dice, texts
from roundtrip.simulate.grammar.frame import CATEGORIES, SERVICE_LINES
from roundtrip.simulate.grammar.rules import Grammar
from roundtrip.simulate.places import CHINESE_NAMES, NAMES
from roundtrip.simulate.texts import MOODS, STYLES, TOPICS, write_texts

HAN = re.compile("[\u4e00-\u9fff]")

#: Words of which nearly every complaint about the topic has one, and few complaints about another.
TOPIC_WORDS = {
    "zh": {
        "price": "贵|价|便宜|费|优惠|立减|满减|卖|涨",
        "cancellation_refund": "取消|退|代金券",
        "information": "证件|集合|几点|通知|确认单|行程单|页面写|发票|护照|预约|签证",
        "payment": "付款|扣|银行卡|优惠券|代金券|礼品卡|积分|信用卡",
        "other": "短信|电话|推送|账户|帐户|小程序|会员|评价|手机号|信息",
    },
    "en": {
        "price": "cheaper|price|fee|charge|pay|discount|offer|it was \\d+|expensive",
        "cancellation_refund": "cancel|refund|money|keep",
        "information": "papers|where to meet|what time|visa|copy|reservation|voucher|confirmation|itinerary"
        "|page says|invoice|receipt",
        "payment": "payment|charged|card|voucher|coupon|points|taken from",
        "other": "texts|calls|messages|account|app|tier|review|data",
    },
}
#: Words that belong to complaints and praise of one line.
LINE_WORDS = {
    "zh": {
        "hotel": "前台|隔音|退房",
        "flight": "空乘|行李|登机",
        "insurance": "理赔|保单",
        "rail": "车厢|乘务员",
    },
    "en": {"hotel": "breakfast|reception|the bed", "flight": "crew|boarding", "insurance": "claim|policy"},
}


def rows(size: int, seed: int = 1, **fixed) -> dict[str, np.ndarray]:
    """Arguments of write_texts: at random, except for what is fixed (by name or code)."""
    die, at = dice.Dice(seed), np.arange(size)
    names = {"mood": MOODS, "topic": TOPICS, "style": STYLES, "line": SERVICE_LINES}
    sizes = {name: len(values) for name, values in names.items()} | {"destination": len(NAMES)}
    drawn = {name: (die.unit(name, at) * count).astype(np.int8) for name, count in sizes.items()}
    drawn |= {"key": die.key("texts", at), "is_chinese": die.unit("language", at) < 0.5}
    for name, value in fixed.items():
        code = names[name].index(value) if isinstance(value, str) else value
        drawn[name] = np.full(size, code)
    return drawn


def written(size: int, seed: int = 1, **fixed) -> pd.Series:
    return pd.Series(write_texts(**rows(size, seed, **fixed)))


def share(found: pd.Series, pattern: str) -> float:
    return found.str.contains(pattern, case=False, regex=True).mean()


@pytest.fixture(scope="module")
def everything() -> pd.DataFrame:
    given = rows(60_000)
    return pd.DataFrame({**given, "text": write_texts(**given)})


def test_same_keys_same_texts(everything):
    again = write_texts(**{name: everything[name].to_numpy() for name in rows(1)})
    assert (again == everything["text"].to_numpy()).all()
    assert (write_texts(**rows(2000, seed=2)) != write_texts(**rows(2000))).mean() > 0.8


def test_a_text_follows_from_its_own_row(everything, monkeypatch):
    some = everything.sample(3000, random_state=0)
    monkeypatch.setattr(texts, "_CHUNK", 700)
    assert (write_texts(**{name: some[name].to_numpy() for name in rows(1)}) == some["text"].to_numpy()).all()


def test_one_line_without_leftovers(everything):
    text = everything["text"]
    assert text.map(type).eq(str).all()
    assert text.str.len().min() >= 1
    assert not text.str.contains(r"[\n\r\t{}\[\]|$_]").any()
    assert (text == text.str.strip()).all()
    assert not text.str.contains(r"\?[,;!]|？[，。；！]|，。|。，|；。| {2}| [,.;?]|None|nan ").any()


def test_language(everything):
    is_han = everything["text"].str.contains(HAN)
    assert (is_han == everything["is_chinese"]).all()


def test_english_sentences_begin_with_a_capital():
    found = written(20_000, is_chinese=False, style="review")
    careful = found[found.str.contains("[A-Z]")]
    assert len(careful) > 0.6 * len(found)
    assert not careful.str.contains("^[a-z]").any()
    # Case matters here: a small letter after a full stop, but not after an abbreviation or dots.
    assert careful.str.contains(r"(?<!\.)(?<!\bno)[.!?] [a-z]").mean() < 0.001
    # Nor a capital in the middle of a clause, except for names and I.
    assert careful.str.contains(r", (?:We|The|And|Nobody) ").mean() < 0.001


@pytest.mark.parametrize("is_chinese", [True, False])
@pytest.mark.parametrize(("style", "least"), [("review", 0.95), ("ticket", 0.8)])
def test_variety(style, least, is_chinese):
    assert written(100_000, style=style, is_chinese=is_chinese).nunique() > least * 100_000


def test_lengths():
    """Like Chinese hotel reviews and customers' short messages: some very short, most short, a long tail."""
    review = written(20_000, is_chinese=True, style="review").str.len().quantile([0.02, 0.5, 0.95, 0.99])
    low, median, high, highest = review
    assert low < 25
    assert 60 < median < 110
    assert 200 < high < 450
    assert 300 < highest < 800
    ticket = written(20_000, is_chinese=False, style="ticket", mood="angry").str.len()
    assert 80 < ticket.median() < 150
    assert ticket.quantile(0.95) < 250
    comment = written(20_000, is_chinese=True, style="comment").str.len()
    assert 5 <= comment.median() <= 15
    assert comment.quantile(0.99) < 50


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("style", ["ticket", "review"])
def test_words_fit_the_topic(language, style):
    words = TOPIC_WORDS[language]
    for topic, pattern in words.items():
        found = written(3000, is_chinese=language == "zh", style=style, mood="angry", topic=topic)
        # Some complaints do not say about what.
        assert share(found, pattern) > 0.85, topic
    about_service = written(3000, is_chinese=language == "zh", style="ticket", mood="angry", topic=0)
    for topic in ("cancellation_refund", "payment"):
        assert share(about_service, words[topic]) < 0.4, topic


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("mood", ["angry", "happy"])
def test_words_fit_the_line(language, mood):
    topic = "service_quality" if mood == "angry" else "praise"
    fixed = {"is_chinese": language == "zh", "style": "review", "mood": mood, "topic": topic}
    found = {line: written(2000, line=line, **fixed) for line in SERVICE_LINES}
    for own, pattern in LINE_WORDS[language].items():
        others = [share(found[line], pattern) for line in SERVICE_LINES if line != own]
        assert share(found[own], pattern) > 0.25
        assert share(found[own], pattern) > 2.5 * max(others), (own, others)


KIND = {
    True: "好|满意|不错|喜欢|赞|推荐|谢",
    False: "lov|great|good|recommend|happy|thank|wonder",
}
UNKIND = {
    True: "失望|差|投诉|没人|赔|无语",
    False: "nobody|never|disappoint|rude|dirty|broken|worst",
}
TURNS = {
    True: "不过|但|可惜|就是|不足|只是|好在|还好|优点|缺点|不满意|建议|值得|好的|不好",
    False: "but |however|downside|hand,|sadly|improve|least|bright|fair,|good thing|luckily",
}


@pytest.mark.parametrize("is_chinese", [True, False])
def test_praise_is_kind_and_complaints_are_not(is_chinese):
    fixed = {"is_chinese": is_chinese, "style": "review"}
    bad = written(3000, mood="angry", topic="service_quality", **fixed)
    good = written(3000, mood="happy", topic="praise", **fixed)
    assert share(bad, UNKIND[is_chinese]) > 1.7 * share(good, UNKIND[is_chinese])
    assert share(good, KIND[is_chinese]) > 1.7 * share(bad, KIND[is_chinese])
    # Praise is happy, whatever the mood.
    for mood in MOODS:
        for style in STYLES:
            given = rows(500, mood=mood, topic="praise", is_chinese=is_chinese, style=style)
            happy = given | {"mood": np.full(500, MOODS.index("happy"))}
            assert (write_texts(**given) == write_texts(**happy)).all()


@pytest.mark.parametrize("is_chinese", [True, False])
def test_mixed_reviews_turn(is_chinese):
    mixed = written(3000, mood="neutral", topic="mixed", style="review", is_chinese=is_chinese)
    assert share(mixed, TURNS[is_chinese]) > 0.97


@pytest.mark.parametrize("is_chinese", [True, False])
def test_thanks_are_for_what_was_good(is_chinese):
    ticket = {"is_chinese": is_chinese, "style": "ticket", "topic": "service_quality"}
    happy, neutral = (written(3000, mood=mood, **ticket) for mood in ("happy", "neutral"))
    assert share(happy, UNKIND[is_chinese]) < 0.4 * share(neutral, UNKIND[is_chinese])


def test_neutral_tickets_ask():
    for is_chinese in (True, False):
        for topic in CATEGORIES[1:]:
            found = written(1000, mood="neutral", topic=topic, style="ticket", is_chinese=is_chinese)
            assert share(found, "[?？]|麻烦|请|谢|please|thank") > 0.85, topic


def test_only_the_row_s_own_place():
    here = 0
    for is_chinese, names in ((True, CHINESE_NAMES), (False, NAMES)):
        found = written(5000, destination=here, is_chinese=is_chinese)
        assert share(found, re.escape(names[here])) > 0.25
        others = "|".join(re.escape(name) for name in names if name not in names[here] and len(name) > 1)
        assert not found.str.contains(rf"\b(?:{others})\b" if not is_chinese else others).any()


def test_ways_of_writing():
    """Some write carelessly, but not most."""
    english = written(10_000, is_chinese=False, style="review")
    assert 0.1 < (~english.str.contains("[A-Z]")).mean() < 0.35
    assert 0.001 < share(english, "dissapointed|wrong|confortable|breakfest") < 0.5
    chinese = written(10_000, is_chinese=True, style="review")
    assert 0.1 < share(chinese, "[,.;]") < 0.45
    for found in (english, chinese):
        assert 0.02 < share(found, "[😀-🙏👍😡]") < 0.4


def test_nothing_to_write():
    nothing = write_texts(**rows(0))
    assert nothing.shape == (0,)
    assert nothing.dtype == object


@pytest.mark.parametrize("name", ["mood", "topic", "destination", "line", "style"])
def test_codes_that_do_not_exist(name):
    for code in (-1, 1000):
        with pytest.raises(ValueError, match=name):
            write_texts(**(rows(3) | {name: np.array([0, code, 0])}))
    with pytest.raises(ValueError, match="one entry"):
        write_texts(**(rows(3) | {name: np.zeros(2, dtype=int)}))


@pytest.mark.parametrize("wording", ["a [b|c", "a b] c", "a | b", "a {b", "a {nothing} b"])
def test_a_broken_wording_is_refused(wording):
    grammar = Grammar(["hotel"], places={"en": ["Sanya"]}, writers={"en": [{"replace": {}}]})
    with pytest.raises(ValueError, match=r"unmatched|unknown"):
        grammar.one_of("en", wording)


def test_wordings_are_equally_likely():
    """Brackets written out in all their combinations are as likely as one choice after the other."""
    grammar = Grammar(["hotel", "car"], places={"en": ["Sanya"]}, writers={"en": [{"replace": {}}]})
    grammar.add_words("en", {"thing": {"hotel": "bed", "car": "wheel"}})
    rule = grammar.one_of("en", "x\n[a|b][1|2|3|4] {thing} in {place}{7..8}")
    expander = grammar.finish()
    size = 20_000
    at = np.arange(size)
    symbols = np.tile(np.array([rule, expander.newline], dtype=np.int32), size)
    found = pd.Series(
        expander.expand(
            symbols,
            row=np.repeat(at, 2),
            column=np.tile([0, 1], size),
            key=dice.Dice(3).key("rules", at),
            line=(at % 2).astype(np.int32),
            destination=np.zeros(size, dtype=np.int32),
            writer=np.zeros(size, dtype=np.int32),
        )
    )
    assert share(found, "^x$") == pytest.approx(0.5, abs=0.02)
    long = found[found.str.len() > 1].str.lower()
    assert set(long[long.index % 2 == 0].str[3:6]) == {"bed"}
    assert set(long[long.index % 2 == 1].str[3:8]) == {"wheel"}
    assert (long.str[:2].value_counts(normalize=True) - 1 / 8).abs().max() < 0.02
    assert set(long.str[-9:]) == {" in sanya7"[-9:], " in sanya8"[-9:]}
