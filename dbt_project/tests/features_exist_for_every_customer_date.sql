-- Fails: a join that loses or doubles rows would silently change every model trained on the features.
select
    (select count(*) from {{ ref("int_customer_dates") }}) as customer_dates,
    (select count(*) from {{ ref("customer_features") }}) as features
where (select count(*) from {{ ref("int_customer_dates") }}) <> (select count(*) from {{ ref("customer_features") }})
