#!/bin/sh
# Creates or updates Temporal's two databases. Safe to repeat: a database that exists is kept, and
# only schema versions that are missing are applied. The tool reads SQL_PASSWORD by itself.
set -eu

sql() {
  temporal-sql-tool --plugin "$DB" --ep "$POSTGRES_SEEDS" -p "$DB_PORT" -u "$POSTGRES_USER" "$@"
}

set_up() {
  sql --db "$1" create
  sql --db "$1" setup-schema -v 0.0
  sql --db "$1" update-schema -d "/etc/temporal/schema/postgresql/v12/$2/versioned"
}

set_up temporal temporal
set_up temporal_visibility visibility
