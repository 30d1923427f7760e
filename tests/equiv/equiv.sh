#!/bin/bash
# Generated kernels under every technique (equiv.c). EQUIV_KERNELS and EQUIV_SEED choose others than the usual.
set -u
cd "$(dirname "$0")/../.." || exit 1
case ${TEST_MODE:-release} in release) kernels=2000 ;; *) kernels=60 ;; esac
exec "build/${TEST_MODE:-release}/tests/equiv/equiv" "${EQUIV_KERNELS:-$kernels}" "${EQUIV_SEED:-1}"
