-- Question: Which campaigns cannot be judged, and why?
-- Columns: campaign_id, failed_check, p_value, why, measured_on
-- Where arms differ by more than chance an effect would be read into the difference; such campaigns enter no pooled
-- effect. No row means that every campaign passed.
SELECT
    campaign_id,
    "check" AS failed_check,
    p_value,
    told_en AS why,
    measured_on
FROM marts.campaign_checks
WHERE passed = false
ORDER BY campaign_id, failed_check;
