select
    identities.account_id,
    identities.customer_id,
    identities.link_probability,
    identities.evidence
from {{ ref("stg_customer_identities") }} as identities
inner join {{ ref("int_customers") }} as customers on identities.customer_id = customers.customer_id
