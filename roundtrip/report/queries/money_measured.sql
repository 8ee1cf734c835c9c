-- What each action earned within 90 days beyond what it cost: treated less held out. Of our own rounds where these
-- can be told, else of all campaigns that were dealt at random.
WITH told AS (
    SELECT * FROM marts.campaign_effects
    WHERE campaign_id IN ('rounds', 'all') AND action <> 'all' AND segment_kind = 'all'
        AND outcome = 'margin' AND window_days = 90
        AND isfinite(net_value) AND isfinite(net_value_low) AND isfinite(net_value_high)
)
SELECT action, campaign_id, cost, net_value, net_value_low, net_value_high, n_treatment, n_control
FROM told
WHERE campaign_id = (SELECT max(campaign_id) FROM told)
ORDER BY net_value DESC, action
