-- Every refused row, where it came from, why it was refused, and what became of it since:
--   open           nobody has delivered it again
--   requeued       mended, and waiting for the next run
--   loaded         mended, and taken in by a run (as the newest version of its key, or superseded)
--   refused again  mended, and refused by the run that read it; that refusal is a row of its own here
--   erased         its customer was erased: nothing of it is left, and it cannot come back
-- `refused`, `mended` and `files` are views over quarantine/, requeued/ and raw.files.
SELECT
    refused.table_name || '/' || refused.run_id || '/' || refused.row_number AS row_id,
    refused.table_name,
    refused.run_id,
    refused.row_number,
    refused._file,
    refused._line,
    refused.row_json,
    refused.reasons,
    mended.delivery,
    files.batch_id AS requeued_in,
    CASE
        WHEN list_contains(list_transform(refused.reasons, lambda why: why.rule), 'erased') THEN 'erased'
        WHEN mended.delivery IS NULL THEN 'open'
        WHEN files.batch_id IS NULL THEN 'requeued'
        WHEN again._file IS NULL THEN 'loaded'
        ELSE 'refused again'
    END AS state
FROM refused
LEFT JOIN mended
    ON mended.table_name = refused.table_name
    AND mended.run_id = refused.run_id
    AND mended.row_number = refused.row_number
LEFT JOIN files
    ON files.table_name = mended.table_name
    AND files.content_hash = mended.content_hash
LEFT JOIN refused AS again
    ON again._file = 'requeued/' || mended.delivery
    AND again._line = mended.mended_line
    AND again.table_name = mended.table_name
