-- What each action changed within 90 days: treated less held out, all campaigns that were dealt at random.
SELECT
    action,
    effect,
    ci_low,
    ci_high,
    n_treatment,
    n_control,
    verdict
FROM marts.campaign_effects
WHERE
    campaign_id = 'all' AND segment_kind = 'all' AND outcome = 'return' AND window_days = 90
    AND isfinite(effect) AND isfinite(ci_low) AND isfinite(ci_high)
ORDER BY action = 'all' DESC, effect DESC, action
