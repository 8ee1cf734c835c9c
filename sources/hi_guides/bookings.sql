-- One row per order. Parent and child orders share one moment; both are kept, as they are different services
-- (bookings of one day are one purchase occasion for rhythm). There are no prices, so no amounts and no currency.
-- orderFuture_train holds what came after the history: it is the answer of a prediction task and never read.
SELECT
    orderid AS booking_id,
    userid AS customer_id,
    -- orderTime is seconds since 1970 in UTC; what is no number is passed on as it is, and refused by name.
    coalesce(make_timestamp(try_cast(orderTime AS BIGINT) * 1000000)::VARCHAR, orderTime) AS booked_at,
    -- The operator sells chauffeured cars abroad. orderType 1 is its premium offer, a trip planned around car
    -- and guide, hence a package; 0 is the plain service, a car. So giving up the premium offer is visible.
    CASE orderType WHEN '1' THEN 'package' WHEN '0' THEN 'car' ELSE orderType END AS service_line,
    city AS destination,
    -- Open and cancelled orders are not in the history.
    'completed' AS status,
    _file,
    _line
FROM orderHistory_train
