-- What the published warehouse was built for, and which sources it had.
SELECT * FROM marts.warehouse_info
