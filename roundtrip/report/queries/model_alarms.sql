-- What the last look at the model in use was alarmed about.
SELECT as_of_date, kind, subject, measure, value, threshold FROM marts.model_monitoring
WHERE state = 'alarm'
    AND as_of_date = (SELECT max(as_of_date) FROM marts.model_monitoring WHERE as_of_date <= $as_of)
ORDER BY kind, subject, measure
