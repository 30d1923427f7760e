# The guest kernels: what they are made of and how they are built. Included by the Makefile at the top.
#
# Every guest is a Multiboot 1 ELF of real IA-32 code: its own folder plus the small runtime in lib/. Nothing of the
# host system gets in: no libc, no libgcc, no crt files, so a plain 64-bit gcc with -m32 is enough.
# Gives: GUESTS (names), GUEST_ELFS (files), and the rules for both. Takes, if set: BUILD_GUESTS, GUEST_CC.

GUESTS       := popf rings sens19 fault pvtest nano tenant quiz depth labtrap labshadow labflags legacy
GUEST_DIR    := scenarios/guests
BUILD_GUESTS ?= build/guests
GUEST_CC     ?= gcc
GUEST_ELFS   := $(GUESTS:%=$(BUILD_GUESTS)/%.elf)

# -g: source lines for the debugger and the screens; the same bytes wherever it is built. It changes no code.
# -masm=intel: students read one syntax, that of the Intel manuals, in .S files, in C and in the listings.
GUEST_CFLAGS  := -std=gnu17 -O1 -Wall -Wextra -m32 -march=i686 -mgeneral-regs-only -masm=intel -ffreestanding \
                 -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
                 -fno-tree-loop-distribute-patterns -I$(GUEST_DIR) \
                 -g "-fdebug-prefix-map=$(CURDIR)=."
GUEST_LDFLAGS := -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,-z,noexecstack \
                 -T $(GUEST_DIR)/guest.ld

GUEST_LIB_SRC    := lib/boot.S lib/trap.S lib/tables.c lib/serial.c lib/timer.c lib/paging.c lib/memory.c
GUEST_popf_SRC   := popf/popf.c popf/flags.S
GUEST_rings_SRC  := rings/rings.c rings/entry.S rings/user.c
GUEST_sens19_SRC := sens19/sens19.c sens19/report.c sens19/rows_state.c sens19/rows_segment.c sens19/rows_gate.c \
                    sens19/control.c sens19/attempt.S sens19/snippets.S sens19/gates.S
GUEST_fault_SRC  := fault/fault.c
GUEST_depth_SRC  := depth/depth.S
GUEST_nano_SRC   := nano/nano.c nano/ops.S nano/user.c
GUEST_tenant_SRC := tenant/entry.S tenant/tenant.c tenant/words.c tenant/attack.c
GUEST_quiz_SRC   := quiz/quiz.c
GUEST_labtrap_SRC := labtrap/labtrap.c
GUEST_labshadow_SRC := labshadow/labshadow.c
GUEST_labflags_SRC := labflags/labflags.c
GUEST_legacy_SRC := legacy/legacy.S

# A paravirtual kernel: no Multiboot header, its own linker script, and none of the PC's devices in its runtime.
GUEST_pvtest_SRC := pvtest/start.S pvtest/user.S pvtest/pvtest.c pvtest/forbidden.c lib/memory.c
GUEST_pvtest_LD  := pvtest/pvtest.ld
# The same with PAE, and what only that has.
PVTEST_PAE_SRC   := $(GUEST_pvtest_SRC) pvtest/pae.c
GUEST_ELFS       += $(BUILD_GUESTS)/pvtest-pae.elf

guest_objects = $(patsubst %,$(BUILD_GUESTS)/obj/%.o,$(if $(GUEST_$(1)_LD),,$(GUEST_LIB_SRC)) $(GUEST_$(1)_SRC))
guest_script  = $(GUEST_DIR)/$(or $(GUEST_$(1)_LD),guest.ld)

$(BUILD_GUESTS)/obj/%.c.o: $(GUEST_DIR)/%.c $(GUEST_DIR)/guests.mk
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD_GUESTS)/obj/%.S.o: $(GUEST_DIR)/%.S $(GUEST_DIR)/guests.mk
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_CFLAGS) -MMD -MP -c $< -o $@

define guest_rule
$(BUILD_GUESTS)/$(1).elf: $(call guest_objects,$(1)) $(call guest_script,$(1)) $(GUEST_DIR)/guests.mk
	$$(Q)$$(GUEST_CC) $$(GUEST_LDFLAGS:$(GUEST_DIR)/guest.ld=$(call guest_script,$(1))) $(call guest_objects,$(1)) -o $$@
endef
$(foreach guest,$(GUESTS),$(eval $(call guest_rule,$(guest))))

PVTEST_PAE_OBJ := $(PVTEST_PAE_SRC:%=$(BUILD_GUESTS)/obj/pae/%.o)

$(BUILD_GUESTS)/obj/pae/%.o: $(GUEST_DIR)/% $(GUEST_DIR)/guests.mk
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_CFLAGS) -DPAE -MMD -MP -c $< -o $@

guests: $(BUILD_GUESTS)/pvtest-pae.elf
$(BUILD_GUESTS)/pvtest-pae.elf: $(PVTEST_PAE_OBJ) $(GUEST_DIR)/$(GUEST_pvtest_LD) $(GUEST_DIR)/guests.mk
	$(Q)$(GUEST_CC) $(GUEST_LDFLAGS:$(GUEST_DIR)/guest.ld=$(GUEST_DIR)/$(GUEST_pvtest_LD)) $(PVTEST_PAE_OBJ) -o $@

-include $(PVTEST_PAE_OBJ:.o=.d)
-include $(foreach guest,$(GUESTS),$(patsubst %.o,%.d,$(call guest_objects,$(guest))))

include $(GUEST_DIR)/mini/mini.mk

# The BIOS: 16-bit code, linked as the 64 KB of its ROM. The program carries it, as an array that is made here.
BIOS_ROM    := $(BUILD_GUESTS)/bios.rom
BIOS_SRC    := entry.S post.c system.c video.c keyboard.c disk.c pci.c
BIOS_OBJ    := $(BIOS_SRC:%=$(BUILD_GUESTS)/obj/bios/%.o)
BIOS_CFLAGS := $(filter-out -m32 -march=i686 -O1,$(GUEST_CFLAGS)) -Os -m16 -march=i386 -mregparm=3 -fno-jump-tables \
               -fomit-frame-pointer

$(BIOS_OBJ): $(BUILD_GUESTS)/obj/bios/%.o: $(GUEST_DIR)/bios/% $(GUEST_DIR)/guests.mk
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(BIOS_CFLAGS) -MMD -MP -c $< -o $@

$(BIOS_ROM): $(BIOS_OBJ) $(GUEST_DIR)/bios/bios.ld
	$(Q)$(GUEST_CC) -m32 -nostdlib -static -no-pie -Wl,-m,elf_i386 -Wl,--build-id=none -Wl,--no-check-sections \
	    -Wl,-T,$(GUEST_DIR)/bios/bios.ld -Wl,--oformat,binary $(BIOS_OBJ) -o $@

-include $(BIOS_OBJ:.o=.d)
