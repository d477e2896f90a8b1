#!/bin/sh
# Creates the namespace with its retention, and the search attributes that the payout workflows set.
# Safe to repeat. TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, RETENTION and SEARCH_ATTRIBUTES (name=type,
# separated by spaces) come from the environment.
set -eu

# The first calls after a start can find the namespace not yet in the server's cache.
try() {
  attempt=1
  until "$@"; do
    [ "$attempt" -lt 30 ] || return 1
    attempt=$((attempt + 1))
    sleep 2
  done
}

create_or_update_namespace() {
  if temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace update --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
  else
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
  fi
}

# Creating one that exists with the same type changes nothing; with another type it is an error.
create_search_attribute() {
  temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name "${1%%=*}" --type "${1#*=}"
}

try temporal operator cluster health
try create_or_update_namespace
for pair in $SEARCH_ATTRIBUTES; do
  try create_search_attribute "$pair"
done
temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"
