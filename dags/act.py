"""Lets a human look at the plan of a round, and carries out what is approved.

**Reads** `rounds/<round id>/` (the plan that waits), `published/current.duckdb` (consents as of its date) and
the vault: names and addresses are joined here and nowhere else.

**Writes** `rounds/<round id>/decision.json` (who said what, and why), `outbox/<round id>/<channel>.csv`,
messages to the webhook or the PostgreSQL table that company.yml names, and `products/interventions/`.

**When**: as soon as a plan waits, which `decide` announces as `roundtrip://round`; or by hand. The task
`approve_plan` shows the plan under *Required actions* and waits for *Approve* or *Refuse*; a note and actions
to leave out may be given. `roundtrip round approve` on the command line is the same. No answer for 27 days:
refused.

**When it fails**: nothing is sent twice. A receiver that refuses or does not answer leaves the round
approved: mend it and start this DAG again; what it has taken already is left out. Runbook: *A plan waits for
a yes*. More in docs/deciding.md and docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.approval import act_now, approve_plan, record_answer, waiting_round
from roundtrip.airflow.assets import ROUND
from roundtrip.airflow.policy import policy_dag

with policy_dag("act", __doc__, "retention", schedule=[ROUND]):
    waiting_round() >> approve_plan() >> record_answer() >> act_now()
