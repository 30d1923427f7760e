# mini, the small Unix: the kernel, its programs, and the disk image that holds them. Included by guests.mk.
#
# The kernel is built twice from the same sources: MINI_COMMON, plus one side of the border arch.h, MINI_NATIVE for a bare
# PC or MINI_PV for a paravirtualizing hypervisor. Only what is in these lists is specific to a machine.

MINI_SRC      := main.c console.c net.c sched.c proc.c trap.c syscall.c memory.c balloon.c paging.c exec.c block.c fs.c file.c pipe.c text.c \
                 switch.S
MINI_COMMON   := $(MINI_SRC:%=mini/%) lib/memory.c
MINI_NATIVE   := mini/arch_native.S mini/arch_native.c mini/console_native.c mini/net_native.c mini/rtl8139.c mini/disk_native.c mini/ide.c mini/virtio.c \
                 lib/trap.S lib/tables.c lib/serial.c lib/timer.c
MINI_PV       := mini/arch_pv.S mini/arch_pv.c mini/console_pv.c mini/disk_pv.c mini/net_pv.c mini/front.c mini/grant.c mini/store_wire.c mini/store_client.c mini/suspend.c
# What the service domain has besides: the paravirtual kernel is also its kernel. Its driver is the bare PC's.
MINI_SERVICE  := mini/service.c mini/control.c mini/store_server.c mini/blkback.c mini/netback.c mini/consback.c mini/ide.c mini/rtl8139.c
# Not the port's: what spoils a front end on purpose, for tests.
MINI_MAD      := mini/mad.c
# The same for the service domain, in an image of its own: its main function is called through the hostile one.
MINI_MAD_SERVICE := mini/mad_service.c
# What a host of virtual machines has instead of the bare PC's disk, and what it runs.
MINI_HOSTING  := mini/hosting.c mini/hosting.S mini/hosting_disk.c mini/hosting_line.c
MINI_HOST_PROGRAMS := init sh ls cat echo ps sleep true halt vm
MINI_PROGRAMS := init sh ls cat echo wc grep primes sieve sleep ps kill rm mkdir spin cow forktest pipes files crash \
                 hostile chaos bench true halt net disk domain
MINI_FILES    := motd README demo
MINI_BLOCKS   := 1024
MINI_BUILT    := $(BUILD_GUESTS)/mini.elf $(BUILD_GUESTS)/mini-pv.elf $(BUILD_GUESTS)/mini-pae.elf $(BUILD_GUESTS)/mini-pae-pv.elf $(BUILD_GUESTS)/mini-host.elf $(BUILD_GUESTS)/mini-mad.elf \
                 $(BUILD_GUESTS)/mini.img \
                 $(BUILD_GUESTS)/mini-host.img $(BUILD_GUESTS)/mini-dom0.img

mini_objects = $(patsubst %,$(BUILD_GUESTS)/obj/%.o,$(1))
MINI_OBJ      := $(call mini_objects,$(MINI_COMMON) $(MINI_NATIVE))
MINI_PV_OBJ   := $(call mini_objects,$(MINI_COMMON) $(MINI_PV) $(MINI_SERVICE) $(MINI_MAD))
MINI_MAD_OBJ  := $(MINI_PV_OBJ) $(call mini_objects,$(MINI_MAD_SERVICE))
MINI_PAE_OBJ  := $(patsubst %,$(BUILD_GUESTS)/obj/pae/%.o,$(MINI_COMMON) mini/root_pae.c $(MINI_NATIVE))
MINI_PV_PAE_OBJ := $(patsubst %,$(BUILD_GUESTS)/obj/pae/%.o,$(MINI_COMMON) mini/root_pae.c $(MINI_PV) $(MINI_SERVICE) $(MINI_MAD))
MINI_HOST_OBJ := $(call mini_objects,$(MINI_COMMON) $(filter-out mini/disk_native.c mini/virtio.c,$(MINI_NATIVE)) $(MINI_HOSTING))
MINI_USER_OBJ := $(call mini_objects,mini/user/start.S mini/user/user.c mini/text.c lib/memory.c)
MINI_BIN      := $(BUILD_GUESTS)/obj/mini/bin
MINI_BOOT     := $(BUILD_GUESTS)/obj/mini/boot
# The process of a virtual machine has a file for each of its devices.
MINI_VM_OBJ   := $(call mini_objects,mini/user/vm_uart.c mini/user/vm_ide.c)

$(BUILD_GUESTS)/mini.elf: $(MINI_OBJ)
$(BUILD_GUESTS)/mini-pv.elf: $(MINI_PV_OBJ)
$(BUILD_GUESTS)/mini-mad.elf: $(MINI_MAD_OBJ)
$(BUILD_GUESTS)/mini-mad.elf: MINI_LINK := -Wl,--wrap=service_run
$(BUILD_GUESTS)/mini-pae.elf: $(MINI_PAE_OBJ)
$(BUILD_GUESTS)/mini-pae-pv.elf: $(MINI_PV_PAE_OBJ)
$(BUILD_GUESTS)/mini-host.elf: $(MINI_HOST_OBJ)
$(BUILD_GUESTS)/mini.elf $(BUILD_GUESTS)/mini-pv.elf $(BUILD_GUESTS)/mini-pae.elf $(BUILD_GUESTS)/mini-pae-pv.elf $(BUILD_GUESTS)/mini-host.elf \
$(BUILD_GUESTS)/mini-mad.elf: $(GUEST_DIR)/mini/mini.ld
	$(Q)$(GUEST_CC) $(GUEST_LDFLAGS:$(GUEST_DIR)/guest.ld=$(GUEST_DIR)/mini/mini.ld) $(MINI_LINK) $(filter %.o,$^) -o $@

$(MINI_BIN)/vm: $(MINI_VM_OBJ)
$(MINI_BIN)/domain: $(call mini_objects,mini/user/domain_image.c)
$(MINI_BIN)/%: $(BUILD_GUESTS)/obj/mini/user/%.c.o $(MINI_USER_OBJ) $(GUEST_DIR)/mini/user/user.ld
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_LDFLAGS:$(GUEST_DIR)/guest.ld=$(GUEST_DIR)/mini/user/user.ld) -s $(filter %.o,$^) -o $@

# A kernel for the service domain's disk, which makes a domain of it: without what debuggers want, for files are small there.
$(MINI_BOOT)/mini-pv: $(MINI_PV_OBJ) $(GUEST_DIR)/mini/mini.ld
	@mkdir -p $(@D)
	$(Q)$(GUEST_CC) $(GUEST_LDFLAGS:$(GUEST_DIR)/guest.ld=$(GUEST_DIR)/mini/mini.ld) -s $(filter %.o,$^) -o $@

# A tool for the host.
$(BUILD_GUESTS)/obj/mini/mkfs: $(GUEST_DIR)/mini/mkfs.c $(GUEST_DIR)/mini/format.h
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c17 -O1 -Wall -Wextra $(WERROR) -o $@ $<

$(BUILD_GUESTS)/mini.img: $(BUILD_GUESTS)/obj/mini/mkfs $(MINI_PROGRAMS:%=$(MINI_BIN)/%) \
                          $(MINI_FILES:%=$(GUEST_DIR)/mini/files/%) $(GUEST_DIR)/mini/mini.mk
	$(Q)$< $@ $(MINI_BLOCKS) $(foreach f,$(MINI_FILES),$(f)=$(GUEST_DIR)/mini/files/$(f)) \
	    $(foreach p,$(MINI_PROGRAMS),bin/$(p)=$(MINI_BIN)/$(p))

$(BUILD_GUESTS)/mini-host.img: $(BUILD_GUESTS)/obj/mini/mkfs $(MINI_HOST_PROGRAMS:%=$(MINI_BIN)/%) \
                               $(GUEST_DIR)/mini/files/motd $(GUEST_DIR)/mini/mini.mk
	$(Q)$< $@ $(MINI_BLOCKS) motd=$(GUEST_DIR)/mini/files/motd $(foreach p,$(MINI_HOST_PROGRAMS),bin/$(p)=$(MINI_BIN)/$(p))

# The service domain's disk.
$(BUILD_GUESTS)/mini-dom0.img: $(BUILD_GUESTS)/obj/mini/mkfs $(MINI_PROGRAMS:%=$(MINI_BIN)/%) $(MINI_BOOT)/mini-pv \
                               $(GUEST_DIR)/mini/files/motd $(GUEST_DIR)/mini/mini.mk
	$(Q)$< $@ $(MINI_BLOCKS) motd=$(GUEST_DIR)/mini/files/motd boot/mini-pv=$(MINI_BOOT)/mini-pv $(foreach p,$(MINI_PROGRAMS),bin/$(p)=$(MINI_BIN)/$(p))

guests: $(MINI_BUILT)
GUEST_ELFS += $(MINI_BUILT)

-include $(MINI_OBJ:.o=.d) $(MINI_MAD_OBJ:.o=.d) $(MINI_PAE_OBJ:.o=.d) $(MINI_PV_PAE_OBJ:.o=.d) $(MINI_HOST_OBJ:.o=.d) $(MINI_USER_OBJ:.o=.d) $(MINI_VM_OBJ:.o=.d) \
         $(MINI_HOST_PROGRAMS:%=$(BUILD_GUESTS)/obj/mini/user/%.c.d) $(MINI_PROGRAMS:%=$(BUILD_GUESTS)/obj/mini/user/%.c.d) $(BUILD_GUESTS)/obj/mini/user/domain_image.c.d
