"""What PostgreSQL and its client library say, as errors that a user can act on.

Their own words are never passed on as they are: DuckDB quotes the whole connection string, and a server
quotes delivered values. What is not recognised is shown as the server's first line without quoted parts.
"""

import re

from roundtrip.errors import BadInput, RoundtripError
from roundtrip.ingest.databases import Relation

_CONNECTING = (
    (
        r"authentication failed|no password supplied|role \".*\" does not exist",
        BadInput,
        "refuses the login",
        "check user and password in ${variable}; in a postgresql:// address special characters are %XX",
    ),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        BadInput,
        "does not let this machine, login or kind of connection in",
        "let its administrator add a line to pg_hba.conf; if it wants TLS, add sslmode=verify-full to "
        "${variable}",
    ),
    (
        r"database \".*\" does not exist",
        BadInput,
        "has no database of that name",
        "check dbname in ${variable}",
    ),
    (
        r"certificate|SSL|TLS|GSSAPI",
        BadInput,
        "cannot be talked to by TLS as asked",
        "check sslmode and sslrootcert in ${variable}",
    ),
    (
        r"could not translate host name",
        RoundtripError,
        "cannot be found: its host name is not known",
        "check host in ${variable}, and the network",
    ),
    (
        r"timeout expired|timed out",
        RoundtripError,
        "does not answer in time",
        "check host and port in ${variable}, and firewalls; connect_timeout=30 there waits longer",
    ),
    (
        r"Connection refused|No such file or directory|No route to host|unreachable|Connection reset",
        RoundtripError,
        "does not answer",
        "check host and port in ${variable}, and whether the server runs",
    ),
    (
        r"too many clients|remaining connection slots|too many connections",
        RoundtripError,
        "has no connection left",
        "run again later, or let its administrator raise the role's limit",
    ),
    (
        r"starting up|shutting down|in recovery mode",
        RoundtripError,
        "is starting or stopping",
        "run again in a minute",
    ),
    (
        r"in connection info string|invalid connection option|invalid URI|invalid (port|integer)|URI query",
        BadInput,
        "cannot be looked for: ${variable} does not hold a connection string",
        "write 'host=… dbname=… user=… password=…' or postgresql://user:password@host/dbname into it",
    ),
)

_READING = (
    (
        r"server closed the connection|terminating connection|SSL connection has been closed|Broken pipe"
        r"|could not receive|Connection reset|connection to server was lost|no connection to the server",
        RoundtripError,
        "the connection was lost",
        "run the same command again: nothing of this reading was loaded",
    ),
    (
        r"permission denied",
        BadInput,
        "this login may not read all that it needs",
        "let the owner GRANT SELECT (and USAGE on the schema) to the role in ${variable}",
    ),
    (
        r"due to statement timeout",
        RoundtripError,
        "it takes longer than the server allows a statement",
        "let the role's statement_timeout be raised, or deliver a large table by_month",
    ),
    (
        r"due to lock timeout",
        RoundtripError,
        "something else holds it locked, a change of its columns perhaps",
        "run again when that is done",
    ),
    (
        r"conflict with recovery",
        RoundtripError,
        "the standby server had to cancel it",
        "run again, or let max_standby_streaming_delay be raised",
    ),
    (
        r"read-only transaction",
        BadInput,
        "its query would change something",
        "only SELECT is carried out; databases are never written to",
    ),
    (
        r"invalid byte sequence for encoding|no equivalent in encoding|Invalid unicode",
        BadInput,
        "it holds text that is not UTF-8 and cannot be made so",
        "find it with SELECT convert_from(convert_to(column, 'SQL_ASCII'), 'UTF8'), and mend or leave it out",
    ),
    (
        r"duplicate column name|column reference .* is ambiguous|specified more than once",
        BadInput,
        "its query returns two columns of one name",
        "rename one with AS",
    ),
    (
        r"out of shared memory|out of memory|No space left|temporary file size exceeds",
        RoundtripError,
        "the server has no room for it",
        "read less at once: by_month, or a query with fewer columns",
    ),
)
#: Their quoted parts are names and words of the query itself.
_OF_THE_QUERY = re.compile(
    r"(column|relation|schema|function|operator|type) .*does not exist|syntax error|missing FROM-clause"
    r"|must appear in the GROUP BY|cannot insert multiple commands"
)


def of_connecting(message: str, connection_string: str, relation: Relation) -> RoundtripError:
    """The error for a connection that did not come about."""
    # What the connection string happens to say is no reason.
    error, what, hint = _recognised(_CONNECTING, message.replace(connection_string, "")) or (
        RoundtripError,
        "cannot be connected to",
        "try the connection string in ${variable} with psql on this machine",
    )
    return error(
        f"{relation.place}: the server of {relation.database} {_filled(what, relation)}",
        _filled(hint, relation),
    )


def of_reading(message: str, relation: Relation) -> RoundtripError:
    """The error for a question or a reading that failed."""
    error, what, hint = _recognised(_READING, message) or (
        BadInput,
        _servers_words(message),
        "mend the query" if relation.sql else "try to SELECT from it with the same login",
    )
    return error(
        f"{relation.place}: {relation.label} cannot be read: {_filled(what, relation)}",
        _filled(hint, relation),
    )


def _recognised(known: tuple[tuple, ...], said: str) -> tuple | None:
    return next((rest for pattern, *rest in known if re.search(pattern, said)), None)


def _servers_words(message: str) -> str:
    line = next((part for part in message.splitlines() if "ERROR:" in part), message.splitlines()[0])
    words = line.rsplit("ERROR:", 1)[-1].strip()
    if _OF_THE_QUERY.search(words):
        return words
    return re.sub(r"\"[^\"]*\"?|'[^']*'?", "'…'", words)


def _filled(text: str, relation: Relation) -> str:
    return text.replace("${variable}", f"${relation.connection}")
