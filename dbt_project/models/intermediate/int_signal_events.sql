-- What needs no chart: an act of the customer, and a date that comes. Taking back a consent to messages is an act;
-- never having given one is none.
with withdrawals as (
    select
        customer_id,
        cast(changed_at as date) as withdrawn_on,
        status = 'withdrawn'
        and lag(status) over (partition by account_id, purpose order by changed_at, status) = 'granted' as is_withdrawal
    from {{ ref("stg_consents") }}
    where purpose in ('email', 'sms', 'push', 'phone', 'wechat')
),

unsubscribed as (
    select
        watched.customer_id,
        watched.as_of_date,
        web.days_since_unsubscribed as days_ago
    from {{ ref("int_watched_customers") }} as watched
    inner join {{ ref("int_web_windows") }} as web
        on watched.customer_id = web.customer_id and watched.as_of_date = web.as_of_date
    where web.days_since_unsubscribed < {{ var("signal_unsubscribed_days") }}
    union all
    select
        watched.customer_id,
        watched.as_of_date,
        {{ days_between("withdrawals.withdrawn_on", "watched.as_of_date") }} as days_ago
    from {{ ref("int_watched_customers") }} as watched
    inner join withdrawals
        on
            watched.customer_id = withdrawals.customer_id
            and watched.as_of_date >= withdrawals.withdrawn_on
            and {{ add_days("watched.as_of_date", -var("signal_unsubscribed_days")) }}
            < withdrawals.withdrawn_on
    where withdrawals.is_withdrawal
),

-- How long points had lain still when they expired, of every expiry so far.
expiries as (
    select
        days.customer_id,
        days.occurred_on,
        days.has_expired,
        {{ days_between(
            "max(case when days.has_points_activity or days.joined_at is not null then days.occurred_on end) "
            ~ "over (partition by days.customer_id order by days.occurred_on)",
            "days.occurred_on"
        ) }} as still_days
    from {{ ref("int_loyalty_days") }} as days
),

known_expiries as (
    select
        dates.as_of_date,
        expiries.still_days
    from {{ ref("int_dates") }} as dates
    inner join expiries on dates.as_of_date >= expiries.occurred_on
    where expiries.has_expired and expiries.still_days > 0 and {{ is_due_signal_date("dates.as_of_date") }}
),

medians as (
    select
        as_of_date,
        {{ median("still_days") }} as lapse_days
    from known_expiries
    group by as_of_date
    having count(*) >= {{ var("signal_min_expiries") }}
),

lapse_rules as (
    select
        known_expiries.as_of_date,
        medians.lapse_days
    from known_expiries
    inner join medians on known_expiries.as_of_date = medians.as_of_date
    group by known_expiries.as_of_date, medians.lapse_days
    having
        2 * count(
            case
                when
                    abs(known_expiries.still_days - medians.lapse_days) <= {{ var("signal_expiry_tolerance_days") }}
                    then 1
            end
        ) >= count(*)
),

expiring as (
    select
        watched.customer_id,
        watched.as_of_date,
        loyalty.points_balance,
        cast(ceil(lapse_rules.lapse_days - loyalty.days_since_points_activity) as integer) as days_left
    from {{ ref("int_watched_customers") }} as watched
    inner join {{ ref("int_loyalty_windows") }} as loyalty
        on
            watched.customer_id = loyalty.customer_id
            and watched.as_of_date = loyalty.as_of_date
    inner join lapse_rules on watched.as_of_date = lapse_rules.as_of_date
    where loyalty.is_loyalty_member and loyalty.points_balance > 0
)

select
    customer_id,
    as_of_date,
    'unsubscribed' as signal,
    'days' as unit,
    {{ var("signal_unsubscribed_days") }} as window_days,
    cast(min(days_ago) as double) as observed,
    2 as severity
from unsubscribed
group by customer_id, as_of_date
union all
select
    customer_id,
    as_of_date,
    'points_expiring' as signal,
    'points' as unit,
    days_left as window_days,
    points_balance as observed,
    1 as severity
from expiring
where days_left > 0 and days_left <= {{ var("signal_expiry_notice_days") }}
