#!/bin/sh
# lint.sh FILE...: cppcheck if it is installed, else clang-tidy. STD and INCLUDES come from the Makefile.
set -eu
if command -v cppcheck >/dev/null 2>&1; then
    # Left out: what it takes a comparison to prove (that an index or a pointer can be otherwise, wherever there is an `||`), and what it does
    # not parse: addresses of the machine, which are structs (gva_t), structs on both sides of a `?`, a second look at what a pointer names.
    # shellcheck disable=SC2086
    exec cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress=arrayIndexOutOfBoundsCond --suppress=arrayIndexThenCheck \
        --suppress=nullPointerRedundantCheck --suppress=AssignmentIntegerToAddress --suppress=internalAstError \
        --suppress=identicalInnerCondition '-Djson_array_foreach(a,i,v)=while ((v = json_array_get(a, i)))' -j "$(nproc 2>/dev/null || echo 1)" -D_GNU_SOURCE -I. "$@"
elif command -v clang-tidy >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    exec clang-tidy --quiet --checks='-*,bugprone-*,clang-analyzer-*,-bugprone-easily-swappable-parameters' \
        "$@" -- $STD $INCLUDES
fi
echo "lint: neither cppcheck nor clang-tidy is installed (apt-get install cppcheck)" >&2
exit 6
