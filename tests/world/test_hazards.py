"""What happens is what the truth says would happen, as often as it says."""

import numpy as np
from scipy import stats

from roundtrip.simulate.parameters import CAUSES
from roundtrip.simulate.state import ACTIVE, GONE


def _decisions(lived):
    """(hazards by cause, whether decided, for which cause) of every person-month at risk."""
    hazards, decided, causes = [], [], []
    for month in lived.months:
        at_risk = np.flatnonzero(month.hazard.sum(axis=1) > 0)
        fell = np.zeros(len(month.phase), dtype=bool)
        cause = np.full(len(month.phase), -1)
        for who, event, why in month.turns:
            if event == "decided_to_leave":
                fell[who], cause[who] = True, why
        hazards.append(month.hazard[at_risk])
        decided.append(fell[at_risk])
        causes.append(cause[at_risk])
    return np.concatenate(hazards), np.concatenate(decided), np.concatenate(causes)


def test_people_decide_to_leave_as_often_as_their_hazards_say(lived):
    """Chi-square over twenty groups of equal size, from the calmest person-months to the most endangered."""
    hazard, decided, _ = _decisions(lived)
    total = hazard.sum(axis=1)
    groups = np.array_split(np.argsort(total, kind="stable"), 20)
    seen = np.array([decided[rows].sum() for rows in groups])
    stated = np.array([total[rows].sum() for rows in groups])
    spread = np.array([(total[rows] * (1 - total[rows])).sum() for rows in groups])
    assert stats.chi2.sf(((seen - stated) ** 2 / spread).sum(), len(groups)) > 0.001
    assert seen[-1] > 20 * seen[0]  # and hazards differ enough for that to mean something


def test_causes_are_drawn_as_the_hazards_say(lived):
    hazard, decided, cause = _decisions(lived)
    for at, name in enumerate(CAUSES):
        stated = hazard[:, at].sum()
        assert abs((cause[decided] == at).sum() - stated) < 4 * np.sqrt(stated), name


def test_people_come_back_as_often_as_stated(lived):
    chances = np.concatenate([month.return_chance for month in lived.months])
    seen = sum(len(who) for month in lived.months for who, event, _ in month.turns if event == "returned")
    assert seen > 100
    assert abs(seen - chances.sum()) < 4 * np.sqrt(chances.sum())
    for month in lived.months:
        assert (month.return_chance[month.phase != GONE] == 0).all()


def test_each_cause_acts_through_the_world(lived):
    """Unhappy people leave over service, price-sensitive ones over prices, after life events for need."""
    month = lived.months[-1]
    active = np.flatnonzero(month.phase == ACTIVE)
    hazard, people = month.hazard[active], month.people
    unhappy = month.satisfaction[active] < 0.5
    sensitive = people.price_sensitivity[active] > 0.7
    changed = (
        lived.world.state.life_event_month[active] > month.month - lived.world.p.leaving.life_event_months
    )
    for cause, group in (("service_quality", unhappy), ("price", sensitive), ("need_change", changed)):
        at = CAUSES.index(cause)
        assert group.sum() > 20
        assert hazard[group, at].mean() > 1.5 * hazard[~group, at].mean(), cause


def test_a_price_war_drives_people_to_the_competitor(lived):
    war = lived.world.p.market.price_wars[0]
    competition = [
        month.hazard[month.phase == ACTIVE, CAUSES.index("competition")].mean() for month in lived.months
    ]
    during = np.mean(competition[war.from_month : war.from_month + war.months])
    before = np.mean(competition[war.from_month - 6 : war.from_month])
    assert during > 1.5 * before


def test_fading_is_silent_but_not_invisible(lived):
    """Who has decided visits less and buys less, month by month, before being gone."""
    visits = {"active": [], "fading": [], "gone": []}
    for month in lived.months[12:]:
        each = np.bincount(month.visits["person"], minlength=len(month.phase)) / month.people.web_rate
        for name, code in (("active", 2), ("fading", 3), ("gone", 4)):
            visits[name].append(each[month.phase == code].mean())
    active, fading, gone = (np.mean(visits[name]) for name in ("active", "fading", "gone"))
    assert active > 1.8 * fading > 1.8 * 3 * gone
