# Ringside's build, and the machinery that holds the walls. `make help` lists the targets.
#
# Two ideas make it obvious. Every mode builds in its own tree (build/MODE/) from the same wildcards, so that no list of
# files has to be kept. And targets that do several things in order ("drivers": demo, check, ...) call make again: the
# second make sees the tools that the first has just installed, and runs on every core by itself.
# All paths are relative: make cannot hold a path with spaces, and the clone may lie in one.

MODE ?= release
WERROR ?= -Werror
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory
Q := $(if $(V),,@)
JOBS := $(or $(shell nproc 2>/dev/null),1)
# Without -j from the caller a driver uses every core; with it, the sub-make inherits the caller's job server.
SUB = +$(Q)$(MAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

# ---- modes, compilers, libraries ------------------------------------------------------------------------------------
COMPILER_release := $(CC)
COMPILER_debug   := $(CC)
# clang compiles them sooner, and with its sanitizers the second compiler needs no build of its own; gcc's, where clang's run-time
# library is missing. The tests and the simulator ask by gcc's word whether they are built with them.
ASAN_RUNTIME     := $(wildcard $(shell $(CLANG) -print-resource-dir 2>/dev/null)/lib/*/libclang_rt.asan*.a)
COMPILER_asan    := $(if $(ASAN_RUNTIME),$(CLANG),$(CC))
COMPILER_clang   := $(CLANG)
COMPILER_fuzz    := $(CLANG)
OPTIMISE_release := -O2 -g
OPTIMISE_debug   := -O0 -g3
OPTIMISE_asan    := -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all $(if $(ASAN_RUNTIME),-D__SANITIZE_ADDRESS__=1)
OPTIMISE_clang   := -O1
OPTIMISE_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
COMPILER := $(COMPILER_$(MODE))
ifeq ($(COMPILER),)
$(error MODE=$(MODE) is unknown; the modes are release, debug, asan, clang and fuzz)
endif

# pkg-config where it knows the library, else where Debian puts it (Debian's Zydis 4.0 has no .pc file).
# -isystem: other people's headers need not pass our warnings.
pc_flags = $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I $(1) 2>/dev/null))
pc_libs  = $(or $(shell pkg-config --libs $(1) 2>/dev/null),$(2))
LUA_PC  := $(shell for p in lua5.4 lua-5.4 lua54; do pkg-config --exists $$p 2>/dev/null && echo $$p && break; done)
LUA_INCLUDE := $(if $(LUA_PC),$(call pc_flags,$(LUA_PC)),-isystem /usr/include/lua5.4)
LIBS      := $(call pc_libs,zydis,-lZydis) $(call pc_libs,panelw ncursesw,-lpanelw -lncursesw) \
             $(if $(LUA_PC),$(call pc_libs,$(LUA_PC),),-llua5.4) $(call pc_libs,zlib,-lz) $(call pc_libs,jansson,-ljansson) -lm
# Optional: source lines of guests (sim/source_lines.c).
LIBDW     := $(or $(shell pkg-config --exists libdw 2>/dev/null && echo yes),$(if $(wildcard /usr/include/elfutils/libdw.h),yes))
LIBS      += $(if $(LIBDW),$(call pc_libs,libdw,-ldw) -lelf)
TEST_LIBS := $(call pc_libs,cmocka,-lcmocka) $(call pc_libs,vterm,-lvterm)
INCLUDES  := -I. $(LUA_INCLUDE)

STD      := -std=c17 -D_GNU_SOURCE
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla $(WERROR)
FLAGS    := $(STD) $(OPTIMISE_$(MODE)) $(WARNINGS) $(INCLUDES) $(CPPFLAGS) $(CFLAGS)
LINK      = $(COMPILER) $(OPTIMISE_$(MODE)) $(CFLAGS) $(LDFLAGS)

# ---- what there is --------------------------------------------------------------------------------------------------
B       := build/$(MODE)
PRODUCT := $(sort $(wildcard sim/*.c sim/*/*.c tui/*.c))
SUPPORT := $(sort $(wildcard tests/support/*.c))
UNITS   := $(patsubst %.c,%,$(sort $(wildcard tests/unit/*_test.c)))
HEADERS := $(sort $(wildcard sim/*.h sim/*/*.h tui/*.h tests/*/*.h))
BUILD_GUESTS := build/guests
BIOS_ARRAY   := $(if $(wildcard scenarios/guests/bios/*.S),$(BUILD_GUESTS)/bios_rom.c)
MODELS       := $(sort $(wildcard sim/core/models/*.model))
MODEL_NAMES  := p4 core2 nehalem $(filter-out p4 core2 nehalem,$(notdir $(basename $(MODELS))))
MODEL_ARRAYS := $(if $(MODELS),build/models.c)
OBJECTS      := $(PRODUCT:%.c=$(B)/%.o) $(BIOS_ARRAY:%.c=$(B)/%.o) $(MODEL_ARRAYS:%.c=$(B)/%.o)
TEST_OBJECTS := $(filter-out $(B)/sim/main.o,$(OBJECTS)) $(SUPPORT:%.c=$(B)/%.o)
UNIT_BINS    := $(UNITS:%=$(B)/%)
UNIT_PROGRAM := $(B)/tests/units
# Fuzz targets: with driver.c in every mode but MODE=fuzz, where libFuzzer drives.
FUZZ_NAMES  := $(filter-out driver mutate,$(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c))))
FUZZ_BINS   := $(FUZZ_NAMES:%=$(B)/tests/fuzz/%)
EQUIV_OBJECTS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/equiv/*.c)))
EQUIV_BIN := $(if $(EQUIV_OBJECTS),$(B)/tests/equiv/equiv)
SPEED_BIN := $(B)/tests/speed/inside
LATENCY_BIN := $(B)/tests/speed/latency
FUZZ_DRIVER := $(B)/tests/fuzz/$(if $(filter fuzz,$(MODE)),mutate,driver).o
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?= $(FUZZ_NAMES)
GUEST_TESTS := $(sort $(wildcard tests/guest/*.sh))
CLI_TESTS   := $(sort $(wildcard tests/cli/*.sh))
SELF_TESTS  := $(sort $(wildcard tests/tools/*-selftest.sh))

# The oracle that is this computer's own processor (tests/native): two tools for the host, and a 32-bit program without C
# library, linked above all that a case's segments reach.
NATIVE := build/native
NATIVE_EXEC := tests/native/native_exec.c tests/native/host.c sim/lab_parse.c sim/lab_text.c sim/lab_memory.c
NATIVE_BINS := $(if $(wildcard tests/native/*.c),$(NATIVE)/cases $(NATIVE)/compare $(NATIVE)/native-exec)
NATIVE_FLAGS := $(STD) -O2 -g $(WARNINGS) -I.
NATIVE_32 := -m32 -msse2 -ffreestanding -fno-stack-protector -fno-pie -fno-tree-loop-distribute-patterns \
             -fcf-protection=none -Itests/native/freestanding -nostdlib -static -no-pie \
             -Wl,-Ttext-segment=0xA8000000,--build-id=none,-z,noexecstack

-include scenarios/guests/guests.mk
-include docs/package.mk

# ---- building -------------------------------------------------------------------------------------------------------
PROGRAM := $(if $(filter release,$(MODE)),ringside,$(B)/ringside)
all: $(PROGRAM) guests ## build ./ringside and the guests (MODE=debug|asan|clang: build/MODE; WERROR=: warnings pass)

guests: $(GUESTS:%=$(BUILD_GUESTS)/%.elf) $(BIOS_ROM) ## build the guest kernels into build/guests

# A copy, moved into place: a running ./ringside is never half-written.
ringside: build/release/ringside
	$(Q)cp $< build/ringside.new && mv -f build/ringside.new $@

$(B)/ringside: $(OBJECTS) $(B)/objects
	@echo "  LINK  $@"
	$(Q)$(LINK) -o $@ $(OBJECTS) $(LIBS)

# The built-in BIOS, a guest like the others, as an array: the program carries it.
$(BIOS_ARRAY): $(BIOS_ROM)
	$(Q){ printf '#include "sim/rom.h"\n\nconst uint8_t rom_builtin_bytes[ROM_BUILTIN_SIZE] = {\n'; \
	    od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};'; } > $@

# The CPU models, text files, as arrays, too; by age.
build/models.c: $(MODELS) Makefile
	@mkdir -p $(@D)
	$(Q){ echo '#include "sim/core/cost.h"'; \
	    for f in $(MODELS); do echo "static const char $$(basename $$f .model)_text[] = {"; \
	        od -An -v -tx1 $$f | sed 's/ \(..\)/0x\1,/g'; echo '0};'; done; \
	    echo 'const struct model_file model_files[] = {'; \
	    for n in $(MODEL_NAMES); do echo "{ \"$$n\", $${n}_text },"; done; \
	    echo '{ 0, 0 } };'; } > $@

$(B)/%.o: %.c $(B)/flags
	@echo "  CC    $@"
	@mkdir -p $(@D)
	$(Q)$(COMPILER) $(FLAGS) $(NAMED) -MMD -MP -c -o $@ $<

$(B)/sim/source_lines.o: NAMED = $(if $(LIBDW),-DHAVE_LIBDW $(call pc_flags,libdw))
$(B)/sim/source_lines.o: $(B)/objects

# The unit tests are one program: linking the simulator into each of a hundred costs minutes and gigabytes. Each has its
# main, renamed; a name in tests/unit/ is a link to the program, which runs the main that it was called by.
CHECKED := $(wildcard sim/vmm/setting.h)
LIGHTLY := $(if $(filter release,$(MODE)),-O1 -g1) # what only tests, soon compiled
named = '-Dmain=$(1)_main(void); int $(1)_main'
$(UNITS:%=$(B)/%.o): NAMED = $(call named,$(notdir $*)) $(LIGHTLY)
$(UNIT_PROGRAM).c: Makefile $(B)/objects
	@mkdir -p $(@D)
	$(Q){ printf '#include <stdio.h>\n#include <string.h>\n$(if $(CHECKED),#include "$(CHECKED)"\n)\n'; for t in $(notdir $(UNITS)); do echo "int $${t}_main(void);"; done; \
	    printf '\nint main(int argc, char **argv) {\n    const char *slash = argc ? strrchr(argv[0], 47) : 0;\n'; \
	    printf '    const char *name = slash ? slash + 1 : argc ? argv[0] : "";\n$(if $(CHECKED),    vmm_checks_itself = 1;\n)'; \
	    for t in $(notdir $(UNITS)); do echo "    if (!strcmp(name, \"$$t\")) return $${t}_main();"; done; \
	    printf '    fprintf(stderr, "%%s: no unit test has this name\\n", name);\n    return 2;\n}\n'; } > $@
$(UNIT_PROGRAM).o: $(UNIT_PROGRAM).c
	$(Q)$(COMPILER) $(FLAGS) -c -o $@ $<
$(UNIT_PROGRAM): $(UNIT_PROGRAM).o $(UNITS:%=$(B)/%.o) $(TEST_OBJECTS) $(B)/objects
	@echo "  LINK  $@"
	$(Q)$(LINK) -o $@ $(filter %.o,$^) $(TEST_LIBS) $(LIBS)
$(UNIT_BINS): $(UNIT_PROGRAM)
	$(Q)rm -f $@ && ln -s ../units $@

$(NATIVE)/cases $(NATIVE)/compare: $(NATIVE)/%: tests/native/%.c Makefile
	@echo "  CC    $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(NATIVE_FLAGS) -o $@ $<

# Where the compiler makes no 32-bit code, a stand-in says so when the test runs.
$(NATIVE)/native-exec: $(NATIVE_EXEC) sim/lab.h $(wildcard tests/native/*.h tests/native/*/*.h) Makefile
	@echo "  CC    $@"
	@mkdir -p $(@D)
	$(Q)if echo | $(CC) -m32 -c -x c - -o /dev/null 2>/dev/null; then \
	    $(CC) $(NATIVE_FLAGS) $(NATIVE_32) -o $@ $(NATIVE_EXEC); \
	else printf '#!/bin/sh\necho "this compiler makes no 32-bit code" >&2\nexit 77\n' >$@; chmod +x $@; fi

$(FUZZ_BINS): $(B)/%: $(B)/%.o $(FUZZ_DRIVER) $(TEST_OBJECTS) $(B)/objects
	@echo "  LINK  $@"
	$(Q)$(LINK) $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer) -o $@ $< $(FUZZ_DRIVER) $(TEST_OBJECTS) $(TEST_LIBS) $(LIBS)

$(EQUIV_BIN): $(EQUIV_OBJECTS) $(TEST_OBJECTS) $(B)/objects
	@echo "  LINK  $@"
	$(Q)$(LINK) -o $@ $(EQUIV_OBJECTS) $(TEST_OBJECTS) $(TEST_LIBS) $(LIBS)

$(SPEED_BIN): $(SPEED_BIN).o $(TEST_OBJECTS) $(B)/objects
	@echo "  LINK  $@"
	$(Q)$(LINK) -o $@ $< $(TEST_OBJECTS) $(TEST_LIBS) $(LIBS)

$(LATENCY_BIN): $(LATENCY_BIN).o
	@echo "  LINK  $@"
	$(Q)$(LINK) -o $@ $<

# Two stamps that change only when their text does: another compiler or flag recompiles, a file gone relinks.
stamp = @mkdir -p $(@D); printf '%s\n' $(1) > $@.$$$$; cmp -s $@.$$$$ $@ && rm -f $@.$$$$ || mv -f $@.$$$$ $@
$(B)/flags: FORCE
	$(call stamp,"$$($(COMPILER) --version 2>&1 | head -n 1)" '$(FLAGS)' '$(LINK)' $(call named,UNIT) '$(LIGHTLY)')
$(B)/objects: FORCE
	$(call stamp,$(UNITS) $(TEST_OBJECTS) $(OBJECTS) '$(LIBS) $(TEST_LIBS)')
FORCE:

-include $(patsubst %.o,%.d,$(OBJECTS) $(TEST_OBJECTS) $(UNIT_BINS:%=%.o) $(FUZZ_BINS:%=%.o) $(FUZZ_DRIVER) $(EQUIV_OBJECTS) $(SPEED_BIN).o)

test-programs: $(UNIT_BINS) $(NATIVE_BINS) $(EQUIV_BIN) $(if $(filter asan,$(MODE)),$(FUZZ_BINS)) all # the unit tests of this mode, built but not run

# ---- preparing and running ------------------------------------------------------------------------------------------
# With `make -j` a driver must not run beside another one, or beside clean, in the same trees.
DRIVERS := demo determinism check check-fast native fuzz asan golden-update dist deb clean bench latency
ifneq ($(filter $(DRIVERS),$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

prerequisites: ## install what is missing (Debian: apt-get, as root or through sudo) or say what to install
	@CC='$(CC)' CLANG='$(CLANG)' PROBE_FLAGS='$(STD) $(INCLUDES)' PROBE_LIBS='$(TEST_LIBS) $(LIBS)' \
	    sh tests/tools/prerequisites.sh

demo: prerequisites ## prepare, build and run the popf lesson
	$(SUB) MODE=release all
	$(Q)./ringside run popf

# ---- testing --------------------------------------------------------------------------------------------------------
# Long tests first, so that every core has work to the end.
TESTS_FAST   = $(UNITS:%=release:build/release/%)
TESTS_LONG   = $(if $(EQUIV_BIN),$(foreach t,equiv attack paravirt,release:tests/equiv/$(t).sh asan:tests/equiv/$(t).sh)) \
               release:tests/tools/determinism.sh release:tests/native/differential.sh release:tests/bench/paging.sh \
               $(if $(FUZZ_NAMES),asan:tests/fuzz/short.sh)
TESTS_ALL    = $(TESTS_LONG) $(CLI_TESTS:%=release:%) $(patsubst %,asan:%,$(filter-out %/oracles.sh,$(GUEST_TESTS))) \
               $(GUEST_TESTS:%=release:%) $(SELF_TESTS:%=release:%) $(UNITS:%=asan:build/asan/%) $(TESTS_FAST)
# One more than there are cores: some tests wait for a terminal, a clock or a file.
RUN_TESTS  = $(Q)JOBS=$$(($(JOBS) + 1)) bash tests/tools/run-tests.sh

check: prerequisites ## prepare, build with both compilers, one with sanitizers, run every test (minutes)
	$(SUB) MODE=release layers headers test-programs
	$(SUB) other-builds
	$(RUN_TESTS) $(TESTS_ALL)

# Beside each other, so that no core waits while one program is linked; the guests, which they share, are there by then.
other-builds: $(if $(ASAN_RUNTIME),,other-clang) other-asan
other-clang:
	+$(Q)$(MAKE) MODE=clang all
other-asan:
	+$(Q)$(MAKE) MODE=asan test-programs

check-fast: ## layers and the unit tests of the release build (seconds)
	$(SUB) layers
	$(SUB) MODE=release test-programs
	$(RUN_TESTS) $(TESTS_FAST)

fuzz: ## fuzz for long with libFuzzer (FUZZ_SECONDS=600 each; FUZZ_TARGETS="walk disk": only these)
	@mkdir -p build/fuzz
	$(Q)echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | $(CLANG) -fsanitize=fuzzer -x c - -o build/fuzz/probe 2>/dev/null || \
	    { echo "ringside: $(CLANG) has no libFuzzer; install its run-time library (Debian: libclang-rt-$$($(CLANG) \
	-dumpversion | cut -d . -f 1)-dev)" >&2; exit 6; }
	$(SUB) MODE=fuzz fuzz-targets
	$(Q)JOBS=$(JOBS) FUZZ_SECONDS=$(FUZZ_SECONDS) bash tests/fuzz/long.sh $(FUZZ_TARGETS)

fuzz-targets: $(FUZZ_BINS)

attack: ## a million hostile operations under every technique (ATTACK_OPERATIONS=N ATTACK_SEED=N)
	$(SUB) MODE=release test-programs
	$(Q)ATTACK_OPERATIONS=$${ATTACK_OPERATIONS:-1000000} bash tests/equiv/attack.sh

equiv: ## 20,000 generated kernels under every technique (EQUIV_KERNELS=N EQUIV_SEED=N)
	$(SUB) MODE=release test-programs
	$(Q)EQUIV_KERNELS=$${EQUIV_KERNELS:-20000} bash tests/equiv/equiv.sh

hostile: ## a million hostile page-table updates each under shadow, two-level, agile and direct paging (HOSTILE_UPDATES=N)
	$(SUB) MODE=release build/release/tests/unit/mmu_hostile_test build/release/tests/unit/mmu_direct_test
	$(Q)HOSTILE_UPDATES=$${HOSTILE_UPDATES:-1000000} build/release/tests/unit/mmu_hostile_test
	$(Q)DIRECT_UPDATES=$${HOSTILE_UPDATES:-1000000} build/release/tests/unit/mmu_direct_test

native: ## compare Ringside with this computer's processor (NATIVE_SEED=N NATIVE_CASES=N)
	$(SUB) MODE=release all $(NATIVE_BINS)
	$(Q)bash tests/native/differential.sh

asan: ## build with ASan and UBSan, run the unit and guest tests on it, uses of a returned function's variables found, too
	$(SUB) MODE=asan test-programs
	$(Q)ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 JOBS=$(JOBS) bash tests/tools/run-tests.sh $(UNITS:%=asan:build/asan/%) $(GUEST_TESTS:%=asan:%)

layers: ## fail on any #include, or word, that climbs a wall (tests/layers.txt)
	$(Q)sh tests/tools/layers.sh .

# Whether a header stands alone no compiler sees otherwise, and clang takes thrice as long; its warnings come with the sources.
HEADERS_ALONE := $(HEADERS:%=build/headers/%.alone)
headers: $(HEADERS_ALONE) ## compile every header alone
build/headers/%.alone: % $(HEADERS) build/headers/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(STD) $(WARNINGS) $(INCLUDES) -fsyntax-only -include $< -x c /dev/null && : > $@
build/headers/flags: $(wildcard sim/*/*.def sim/*.def tui/*.def) FORCE
	$(call stamp,'$(STD) $(WARNINGS) $(INCLUDES)' "$$(cat /dev/null $(filter-out FORCE,$^) | cksum)")

determinism: ## build with gcc and clang at every -O, and with sanitizers; the same runs give the same bytes (BUILDS="gcc-O0 clang-O3")
	$(SUB) MODE=release all
	$(Q)MAKE='$(MAKE)' bash tests/tools/determinism_builds.sh $(BUILDS)

golden-update: ## run the unit tests so that they rewrite tests/golden; review the result as a diff
	$(SUB) MODE=release test-programs
	$(Q)GOLDEN_UPDATE=1 JOBS=1 bash tests/tools/run-tests.sh $(UNITS:%=release:build/release/%)

course: ## a course of 500 generated submissions, in shards and by GNU parallel (COURSE=N)
	$(SUB) MODE=release all
	$(Q)COURSE=$(or $(COURSE),500) RINGSIDE=./ringside bash tests/cli/merge.sh

bench: ## nine kernels beside QEMU, Bochs and cachegrind, with the goals (BENCH="-r ROUNDS -s PERCENT KERNEL ...")
	$(SUB) MODE=release all build/release/tests/speed/inside
	$(Q)RINGSIDE=./ringside bash tests/bench/paging.sh
	$(Q)RINGSIDE=./ringside bash tests/bench/exits.sh
	$(Q)RINGSIDE=./ringside bash tests/bench/bench.sh $(BENCH)

latency: ## the terminal in real time: from a key to the last byte of its screen, every scenario (KEYS=40); going back
	$(SUB) MODE=release all build/release/tests/speed/latency build/release/tests/unit/machine_history_test
	$(Q)RINGSIDE_TIMES=1 build/release/tests/unit/machine_history_test
	$(Q)build/release/tests/speed/latency ./ringside $(or $(KEYS),40) $(basename $(notdir $(wildcard scenarios/*.lua)))

# ---- house-keeping --------------------------------------------------------------------------------------------------
tour: ## print the reading tour: every numbered TOUR comment, in order
	$(Q)sh tests/tools/tour.sh

fmt: ## format the C sources in place (clang-format)
	$(Q)clang-format -i $(PRODUCT) $(SUPPORT) $(UNITS:%=%.c) $(HEADERS)

lint: ## static analysis (cppcheck, else clang-tidy)
	$(Q)STD='$(STD)' INCLUDES='$(INCLUDES)' sh tests/tools/lint.sh $(PRODUCT)

dist: ## make a source tarball that carries the built guests, for hosts without an IA-32 compiler
	$(SUB) MODE=release guests
	$(Q)sh tests/tools/dist.sh $(GUEST_ELFS) $(BIOS_ROM)

clean: ## remove everything that was built
	$(Q)rm -rf build ringside

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile $(wildcard docs/package.mk)

.PHONY: all bench other-builds other-clang other-asan determinism course latency guests test-programs prerequisites demo check check-fast native attack equiv hostile fuzz fuzz-targets asan layers headers golden-update tour fmt lint \
        dist clean help FORCE
