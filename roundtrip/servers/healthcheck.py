"""A container's health: `python -m roundtrip.servers.healthcheck URL [AIRFLOW_COMPONENT]`.

Exit code 0 where the address answers 200 and, if a component is named, Airflow calls it healthy.
`airflow jobs check` says the same, after seven seconds of imports each time.
"""

import sys

from roundtrip.servers import health


def main(arguments: list[str]) -> int:
    url, *component = arguments
    if component:
        return 0 if health.airflow_health(url).get(component[0], False) else 1
    return 0 if health.answers(url) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
