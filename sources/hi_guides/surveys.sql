-- One row per comment on an order. A comment has no date: it is given that of its order, the earliest it could
-- be (the trip and the comment follow days to weeks later). Comments on orders outside the history stay
-- without a date and are refused.
SELECT
    c.orderid AS response_id,
    c.userid AS customer_id,
    c.orderid AS booking_id,
    make_timestamp(try_cast(o.orderTime AS BIGINT) * 1000000) AS responded_at,
    'review' AS survey_type,
    'after' AS touchpoint,
    c.rating AS score,
    -- Tags (提前联系|耐心等候) and keywords (['很', '细心']) are all that was published of the text.
    nullif(concat_ws('|', c.tags, regexp_replace(c.commentsKeyWords, '[\[\]'' ]', '', 'g')), '') AS text,
    CASE WHEN coalesce(c.tags, c.commentsKeyWords) IS NOT NULL THEN 'zh' END AS language,
    c._file,
    c._line
FROM userComment_train AS c
LEFT JOIN orderHistory_train AS o ON c.orderid = o.orderid
