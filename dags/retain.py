"""Warns early, measures what was done before, proposes what to do next, and sends what was approved.

**Reads** `published/current.duckdb` with this date's scores, `vault/` (texts for read_texts, addresses for
act), `plan/strategies.yml`, `plan/rollout.yml`, and the rounds so far.

**Writes** need segments and preferences (find_segments), labels of texts (read_texts), effects against the
holdouts (measure), what each action would change for each customer (learn_uplift), `products/warnings/`
(warn), a proposed round in `rounds/` when one is due (decide), files for the channels in `outbox/` for
rounds that were approved (act), the plan's indicators, tasks and risks (follow_plan), and then
`published/current.duckdb` once more (publish_actions).

**When**: as soon as `score` has announced `roundtrip://scores`, for that event's `as_of`; or by hand.

**Then** `report` starts by itself: it waits for `roundtrip://actions`. A plan that waits for a human holds
nothing up: `announce_round` calls the DAG `act`, which asks for the answer and carries it out.

**When it fails**: the warehouse and the scores are published all the same; nothing was sent twice, whatever
the moment. The task's log has the reason; start this DAG again with the same `as_of`. Runbooks: *A plan waits
for a yes*, *Too many warnings, too few, or the wrong ones*, *Something failed: where to look*. More in
docs/operating-airflow.md.
"""

# Airflow only looks at files that name it.
from roundtrip.airflow.approval import announce_round
from roundtrip.airflow.assets import ACTIONS, SCORES
from roundtrip.airflow.policy import policy_dag
from roundtrip.airflow.tasks import stage_task

with policy_dag("retain", __doc__, "retention", schedule=[SCORES]):
    find_segments = stage_task("find_segments")
    read_texts = stage_task("read_texts")
    measure = stage_task("measure")
    learn_uplift = stage_task("learn_uplift")
    warn = stage_task("warn")
    decide = stage_task("decide")
    act = stage_task("act")
    follow_plan = stage_task("follow_plan")
    publish_actions = stage_task("publish_actions", writes=True, announces=ACTIONS)

    (
        find_segments
        >> read_texts
        >> measure
        >> learn_uplift
        >> warn
        >> decide
        >> act
        >> follow_plan
        >> publish_actions
    )
    decide >> announce_round()
