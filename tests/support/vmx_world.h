/* A host in ring 0 whose VMCS describes a guest with the host's own flat segments: for tests of VMX.
 *
 * Over the world of rings.h; fields are written past VMWRITE. Guest code lies at VMX_GUEST, the host goes on at VMX_HOST. */
#ifndef TESTS_VMX_WORLD_H
#define TESTS_VMX_WORLD_H

#include "sim/cpu/vmcs.h"
#include "tests/support/rings.h"

enum {
    REGION = 0x30000, CURRENT = 0x31000, OTHER = 0x32000, BITMAPS = 0x33000, MSRS = 0x36000, POINTER = 0x37000, VTPR = 0x38000,
    GUEST = 0x5000 /* guest code */, HOST = 0x6000, GUEST_STACK = 0x60000, HOST_STACK = 0x61000,
    AR_FLAT_CODE = 0xC09B, AR_FLAT_DATA = 0xC093, AR_UNUSABLE = 1 << 16, PIN0 = 0x16, PROC0 = 0x0401E172, EXIT0 = 0x36DFF, ENTRY0 = 0x11FF
};
#define CR0_FIXED (CR0_PG | CR0_PE | CR0_NE | CR0_ET)
#define VALID_EVENT(x) (0x80000000u | (x))

/* A field of the VMCS at CURRENT. */
static inline void vmx_set(struct fake *f, enum vmcs_offset field, uint32_t v) { fake_put32(f, CURRENT + field, v); }
static inline uint32_t vmx_get(const struct fake *f, enum vmcs_offset field) { return fake_get32(f, CURRENT + field); }
/* Fields to be set; a field of 0 ends them. */
struct vmx_change { enum vmcs_offset field; uint32_t value; };
void vmx_change(struct fake *f, const struct vmx_change *c, size_t n);
/* A CPU with that generation of VMX, allowed but off; three regions have its revision. */
void vmx_start(struct fake *f, unsigned generation);
/* In root operation, with CURRENT loaded, clear and described. */
void vmx_start_root(struct fake *f, unsigned generation);
/* VMLAUNCH out of the run loop, at FAKE_CODE. */
void vmx_launch(struct fake *f);
/* The guest's code, hexadecimal; VMLAUNCH; then as many boundaries. */
void vmx_guest_runs(struct fake *f, const char *hex, unsigned boundaries);

#endif
