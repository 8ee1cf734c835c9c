#!/bin/sh
# Run once by the postgres image, when its volume is empty: a database and an owner each for Airflow
# and MLflow. Neither can connect to the other's database.
set -eu

: "${AIRFLOW_DATABASE_PASSWORD:?}" "${MLFLOW_DATABASE_PASSWORD:?}"

# psql's :'name' quotes the passwords, whatever is in them; they are not in the process list either.
psql --set ON_ERROR_STOP=1 --no-psqlrc --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
\getenv mlflow_password MLFLOW_DATABASE_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE airflow OWNER airflow ENCODING 'UTF8' TEMPLATE template0;
CREATE DATABASE mlflow OWNER mlflow ENCODING 'UTF8' TEMPLATE template0;
REVOKE CONNECT, TEMPORARY ON DATABASE airflow, mlflow, postgres FROM PUBLIC;
SQL
