#!/bin/bash
# Hostile guests under every technique (attack.c). ATTACK_OPERATIONS and ATTACK_SEED choose more or others than the usual;
# `make attack` does a million under each technique.
set -u
cd "$(dirname "$0")/../.." || exit 1
equiv=build/${TEST_MODE:-release}/tests/equiv/equiv
if [ "${TEST_MODE:-release}" = asan ]; then # two guests under each technique, on tables of one kind
    for way in "te shadow" "bt two-level" "vtx agile" "pv direct"; do
        # shellcheck disable=SC2086
        "$equiv" -a "${ATTACK_OPERATIONS:-400}" "${ATTACK_SEED:-1}" $way || exit 1
    done
    exit 0
fi
exec "$equiv" -a "${ATTACK_OPERATIONS:-6000}" "${ATTACK_SEED:-1}"
