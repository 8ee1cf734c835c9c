-- Whose rows are not those that the last complete build saw; on a full build everybody.
{% if is_increment() -%}
with seen_now as (
    select
        customer_id,
        fingerprint,
        booking_fingerprint,
        settled_before_fingerprint
    from {{ ref("int_fingerprints") }}
    where kind = 'customer'
),

seen_before as (
    select
        customer_id,
        fingerprint,
        booking_fingerprint,
        settled_fingerprint
    from {{ source("last_build", "fingerprints") }}
    where kind = 'customer'
)

select
    coalesce(seen_now.customer_id, seen_before.customer_id) as customer_id,
    (seen_now.booking_fingerprint is distinct from seen_before.booking_fingerprint) as has_changed_bookings,
    (seen_now.settled_before_fingerprint is distinct from seen_before.settled_fingerprint) as has_changed_past
from seen_now
full outer join seen_before on seen_now.customer_id = seen_before.customer_id
where seen_now.fingerprint is distinct from seen_before.fingerprint
{%- else -%}
select
    customer_id,
    true as has_changed_bookings,
    true as has_changed_past
from {{ ref("int_fingerprints") }}
where kind = 'customer'
{%- endif %}
