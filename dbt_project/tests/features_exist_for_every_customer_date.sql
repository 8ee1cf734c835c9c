-- Fails: a join that loses or doubles rows would silently change every model trained on the features.
select
    dates.customer_id,
    dates.as_of_date,
    count(features.customer_id) as features
from {{ ref("int_customer_dates") }} as dates
left join {{ ref("customer_features") }} as features
    on dates.customer_id = features.customer_id and dates.as_of_date = features.as_of_date
group by dates.customer_id, dates.as_of_date
having count(features.customer_id) <> 1
