#!/bin/sh
# The Makefile itself, on a product of three files in a directory with spaces: two runs, -j2, what must rebuild what.
set -u
. "$(dirname "$0")/../support/ia32.sh"
root=$(pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL MODE CC CFLAGS WERROR V
tree="$work/a clone with spaces"
mkdir -p "$tree/sim/core" "$tree/tests/unit" "$tree/scenarios/guests"
cp "$root/Makefile" "$tree/"
cp "$root/tests/layers.txt" "$tree/tests/"
cp -r "$root/tests/tools" "$tree/tests/"
cd "$tree" || exit 1
failed=0

cat > sim/core/one.h <<'END'
#ifndef ONE_H
#define ONE_H
#define ONE 1
int one(void);
#endif
END
printf '#include "sim/core/one.h"\nint one(void) { return ONE; }\n' > sim/core/one.c
printf 'int two(void);\nint two(void) { return 2; }\n' > sim/core/two.c
cat > sim/main.c <<'END'
#include <stdio.h>
#include "sim/core/one.h"
int main(void) { printf("one is %d\n", one()); return 0; }
END
cat > tests/unit/core_one_test.c <<'END'
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "sim/core/one.h"
static void test_one(void **state) { (void)state; assert_int_equal(one(), WANTED); }
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
END
sed -i 's/WANTED/1/' tests/unit/core_one_test.c
cat > scenarios/guests/guests.mk <<'END'
GUESTS := null
$(BUILD_GUESTS)/%.elf: scenarios/guests/%.c
	@mkdir -p $(@D)
	gcc -m32 -ffreestanding -c -o $@ $<
END
echo 'void _start(void) {}' > scenarios/guests/null.c

try() { # try NAME WANTED_EXIT PATTERN COMMAND...: exit code (0, or x for a failure) and text; "!x" must not be said
    name=$1 want=$2 pattern=$3
    shift 3
    out=$("$@" 2>&1)
    rc=$?
    [ "$rc" = 0 ] || rc=x
    good=1
    [ "$rc" = "$want" ] || good=0
    case $pattern in
    !*) printf '%s\n' "$out" | grep -qE -- "${pattern#!}" && good=0 ;;
    *) printf '%s\n' "$out" | grep -qE -- "$pattern" || good=0 ;;
    esac
    if [ $good = 1 ]; then echo "ok - $name"; return; fi
    echo "not ok - $name"
    printf '%s\n' "$out"
    failed=1
}

try "make -j2 builds in a directory with spaces" 0 'LINK +build/release/ringside' make -j2
try "and the program runs" 0 'one is 1' ./ringside
try "the guests are built" 0 'null.elf: ELF' sh -c 'test -s build/guests/null.elf && echo "null.elf: ELF"'
try "a second make has nothing to do" 0 '!CC|LINK|gcc' make -j2
sed -i 's/ONE 1/ONE 3/' sim/core/one.h
try "a header recompiles who includes it" 0 'CC .*core/one.o' make
try "and the product follows" 0 'one is 3' ./ringside
touch sim/core/one.h
try "but nobody else" 0 '!two.o' make
try "other flags recompile everything" 0 'CC .*core/two.o' make CFLAGS=-DX
try "going back recompiles too" 0 'CC .*core/two.o' make
rm sim/core/two.c
try "a file that is gone relinks" 0 'LINK +build/release/ringside' make
try "a failing unit test fails check-fast" x '^0 passed, 1 failed$' make check-fast SELF_TESTS=
sed -i 's/ONE 3/ONE 1/' sim/core/one.h
try "check-fast reports in CI's form" 0 '^1 passed, 0 failed$' make -j2 check-fast SELF_TESTS=
try "asan mode builds in its own tree" 0 '^1 passed, 0 failed$' make asan
try "every header compiles alone" 0 '!error' make headers
echo 'struct y { uint32_t z; };' > sim/core/bad.h
try "a header that does not is refused" x 'bad.h:1.*uint32_t' make headers
rm sim/core/bad.h
printf '#include "sim/core/one.h"\nint one(void) { int unused; return ONE; }\n' > sim/core/one.c
try "a warning is an error" x 'unused' make
try "unless asked otherwise" 0 'unused' make WERROR=
printf '#include "sim/core/one.h"\n#include "tui/tui.h"\nint one(void) { return ONE; }\n' > sim/core/one.c
try "a wall climbed fails make layers" x 'sim/core may not include tui/tui.h' make layers
try "an unknown mode is explained" x 'the modes are' make MODE=fast
try "help lists the targets" 0 'check-fast +layers' make help
try "clean leaves nothing built" 0 '^gone$' sh -c 'make clean && test ! -e build && test ! -e ringside && echo gone'
exit $failed
