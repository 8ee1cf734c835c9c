-- Charts of satisfaction: the mean of a quarter's answers against the customer's own mean before, drawn towards the
-- company's. An answer is where it lies on its scale (0 to 1), less the company's mean for that kind of survey, since
-- few people answer every kind. Sums are of decimals, so that they do not depend on the order of rows.
with answers as (
    select
        watched.customer_id,
        watched.as_of_date,
        surveys.survey_type,
        cast(
            case when surveys.survey_type = 'nps' then surveys.score / 10e0 else (surveys.score - 1) / 4e0 end
            as decimal(18, 6)
        ) as rating,
        {{ days_between("cast(surveys.responded_at as date)", "watched.as_of_date") }}
        < {{ var("signal_satisfaction_days") }} as is_recent
    from {{ ref("int_watched_customers") }} as watched
    inner join {{ ref("stg_surveys") }} as surveys
        on
            watched.customer_id = surveys.customer_id
            and watched.as_of_date >= cast(surveys.responded_at as date)
),

kinds as (
    select
        as_of_date,
        survey_type,
        cast(cast(sum(rating) as double) / count(*) as decimal(18, 6)) as mean_rating
    from answers
    group by as_of_date, survey_type
),

compared_with_all as (
    select
        answers.customer_id,
        answers.as_of_date,
        answers.is_recent,
        kinds.mean_rating,
        answers.rating - kinds.mean_rating as deviation
    from answers
    inner join kinds on answers.as_of_date = kinds.as_of_date and answers.survey_type = kinds.survey_type
),

customers as (
    select
        customer_id,
        as_of_date,
        count(*) as answers,
        count(case when is_recent then 1 end) as recent_answers,
        count(case when not is_recent then 1 end) as past_answers,
        cast(sum(deviation) as double) as deviations,
        cast(coalesce(sum(case when is_recent then deviation end), 0) as double) as recent_deviations,
        cast(coalesce(sum(case when not is_recent then deviation end), 0) as double) as past_deviations,
        cast(coalesce(sum(case when is_recent then mean_rating end), 0) as double) as recent_means,
        cast(sum(deviation * deviation) as double) as squares
    from compared_with_all
    group by customer_id, as_of_date
),

-- One-way analysis of variance: the spread of a customer's answers, and of customers.
sums as (
    select
        as_of_date,
        sum(answers) as answers,
        count(*) as customers,
        cast(sum(answers * answers) as double) as answers_squared,
        cast(sum(cast(squares as decimal(18, 6))) as double) as squares,
        cast(sum(cast(deviations * deviations / answers as decimal(18, 6))) as double) as squares_between
    from customers
    group by as_of_date
    having count(*) >= {{ var("signal_min_customers") }} and sum(answers) > count(*)
),

variances as (
    select
        as_of_date,
        (squares - squares_between) / (answers - customers) as variance_within,
        greatest(
            (squares_between - (customers - 1) * (squares - squares_between) / (answers - customers))
            / (answers - answers_squared / answers),
            0
        ) as variance_between
    from sums
    where customers > 1
),

judged as (
    select
        customers.*,
        variances.variance_within,
        -- As many answers as the company's mean weighs.
        variances.variance_within / greatest(variances.variance_between, 0.01 * variances.variance_within)
            as weight_answers,
        {{ signal_limit("'satisfaction_falling'") }} as limit_z
    from customers
    inner join variances on customers.as_of_date = variances.as_of_date
    where
        customers.recent_answers > 0
        and customers.past_answers >= {{ var("signal_min_past_answers") }}
        and variances.variance_within > 0
),

compared as (
    select
        *,
        recent_means / recent_answers + past_deviations / (past_answers + weight_answers) as usual,
        (recent_means + recent_deviations) / recent_answers as observed,
        sqrt(variance_within / recent_answers + variance_within / (past_answers + weight_answers)) as deviation
    from judged
)

select
    customer_id,
    as_of_date,
    'satisfaction_falling' as signal,
    'rating' as unit,
    {{ var("signal_satisfaction_days") }} as window_days,
    round(observed, 4) as observed,
    round(usual, 4) as usual,
    round(usual - limit_z * deviation, 4) as control_limit,
    round((usual - observed) / deviation, 4) as z_score
from compared
