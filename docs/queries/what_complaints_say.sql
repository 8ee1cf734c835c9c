-- Question: What do complaints and reviews speak of, quarter by quarter?
-- Columns: quarter, source_table, texts, understood, service_quality, price, competition, need_change, negative
-- Only labels are kept, no text. A text is understood where a model was sure enough to name its cause or feeling.
SELECT
    cast(date_trunc('quarter', written_on) AS date) AS quarter,
    source_table,
    count(*) AS texts,
    count(*) FILTER (cause IS NOT NULL OR sentiment IS NOT NULL) AS understood,
    count(*) FILTER (cause = 'service_quality') AS service_quality,
    count(*) FILTER (cause = 'price') AS price,
    count(*) FILTER (cause = 'competition') AS competition,
    count(*) FILTER (cause = 'need_change') AS need_change,
    count(*) FILTER (sentiment = 'negative') AS negative
FROM marts.text_findings
GROUP BY ALL
ORDER BY quarter DESC, source_table;
