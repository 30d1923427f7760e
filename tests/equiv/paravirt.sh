#!/bin/bash
# Generated paravirtual kernels (paravirt.c). PARAVIRT_KERNELS and PARAVIRT_SEED choose others than the usual.
set -u
cd "$(dirname "$0")/../.." || exit 1
case ${TEST_MODE:-release} in release) kernels=800 ;; *) kernels=40 ;; esac
exec "build/${TEST_MODE:-release}/tests/equiv/equiv" -p "${PARAVIRT_KERNELS:-$kernels}" "${PARAVIRT_SEED:-1}"
