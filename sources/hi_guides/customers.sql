-- One row per profile. The only date known of a customer is the first order, so that is the registration;
-- profiles without an order have none and are refused (see max_quarantined_share in company.yml).
-- age is a decade of birth (60后 = born 1960 to 1969): no birth year can be told from it.
SELECT
    p.userid AS customer_id,
    o.first_order_at AS registered_at,
    CASE p.gender WHEN '男' THEN 'male' WHEN '女' THEN 'female' END AS gender,
    -- Every province in the file is one of mainland China; where there is none, the country is unknown.
    CASE WHEN p.province IS NOT NULL THEN 'CN' END AS country,
    p.province AS city,
    p._file,
    p._line
FROM userProfile_train AS p
LEFT JOIN (
    SELECT userid, min(make_timestamp(try_cast(orderTime AS BIGINT) * 1000000)) AS first_order_at
    FROM orderHistory_train
    GROUP BY userid
) AS o ON p.userid = o.userid
