"""One light per dbt model in Airflow's graph, fed by the one task that runs dbt.

The lights cost no process: they start in the triggerer, watch what the dbt task tells of its models, and
end there. They never run dbt themselves, so there is never a second writer.
"""

from airflow.sdk import BaseOperator, TaskGroup, TriggerRule
from airflow.triggers.base import StartTriggerArgs
from cosmos.airflow.task_group import DbtTaskGroup
from cosmos.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import DbtResourceType, ExecutionMode, LoadMode, TestBehavior

from roundtrip.airflow.environment import manifest_file
from roundtrip.home import PROJECT_ROOT, Home

#: Under this XCom key the dbt task keeps {model name: state} of what is finished so far.
MODELS_KEY = "models"


class ModelNews:
    """Told by the stage of each finished model, passes it on to the lights."""

    def __init__(self, context):
        self.ti = context["ti"]
        self.finished: dict[str, str] = {}

    def __call__(self, what: str, state: str, seconds: float) -> None:
        self.finished[what] = state
        self.ti.xcom_push(key=MODELS_KEY, value=self.finished)


class ModelLight(BaseOperator):
    """Turns green, red or pink with its model. Runs nothing."""

    start_from_trigger = True
    ui_color = "#e8f0ff"

    def __init__(self, *, model: str, watches: str, **kwargs):
        # `always`: it looks on while dbt runs; the edges between models only show the lineage. A failure is
        # the dbt task's to retry and to record.
        super().__init__(trigger_rule=TriggerRule.ALWAYS, retries=0, on_failure_callback=None, **kwargs)
        self.model = model
        self.watches = watches
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="roundtrip.airflow.trigger.ModelTrigger",
            trigger_kwargs={"model": model, "watches": watches},
            next_method="execute",
        )

    def execute(self, context, event=None):
        raise NotImplementedError("a light starts and ends in the triggerer")


def model_lights(build: BaseOperator, group_id: str = "models") -> TaskGroup:
    """A group with a light per model, seed and snapshot of the manifest, wired as the models depend."""

    def light(*, node, dag, task_group, **_):
        return ModelLight(
            task_id=node.name,
            model=node.name,
            watches=build.task_id,
            dag=dag,
            task_group=task_group,
            doc_md=f"`{node.unique_id}`: watches what `{build.task_id}` says of it.",
        )

    project = PROJECT_ROOT / "dbt_project"
    rendered = (DbtResourceType.MODEL, DbtResourceType.SEED, DbtResourceType.SNAPSHOT)
    return DbtTaskGroup(
        group_id=group_id,
        project_config=ProjectConfig(
            dbt_project_path=project,
            manifest_path=manifest_file(Home.from_env()),
            install_dbt_deps=False,
        ),
        profile_config=ProfileConfig(
            profile_name="roundtrip", target_name="duckdb", profiles_yml_filepath=project / "profiles.yml"
        ),
        execution_config=ExecutionConfig(execution_mode=ExecutionMode.LOCAL),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            test_behavior=TestBehavior.NONE,
            emit_datasets=False,
            enable_owner_inheritance=False,
            node_converters=dict.fromkeys(rendered, light),
        ),
    )
