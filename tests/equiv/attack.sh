#!/bin/bash
# Hostile guests under every technique (attack.c). ATTACK_OPERATIONS and ATTACK_SEED choose more or others than the usual;
# `make attack` does a million under each technique.
set -u
cd "$(dirname "$0")/../.." || exit 1
case ${TEST_MODE:-release} in release) operations=8000 ;; *) operations=250 ;; esac
exec "build/${TEST_MODE:-release}/tests/equiv/equiv" -a "${ATTACK_OPERATIONS:-$operations}" "${ATTACK_SEED:-1}"
