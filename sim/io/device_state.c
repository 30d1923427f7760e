/* See device_state.h. A row for every field, in the order of the fields. */
#include "sim/io/device_state.h"

#include <stdio.h>

#define KEEP STATE_KEEP
#define UPTO STATE_UPTO
#define FLAG STATE_FLAG
#define TIME STATE_TIME
#define SUB  STATE_SUB
#define NONE STATE_NONE

static const struct state_row pic_chip_rows[] = {
    KEEP(pic_chip, pins), KEEP(pic_chip, edges), KEEP(pic_chip, irr), KEEP(pic_chip, imr), KEEP(pic_chip, isr), KEEP(pic_chip, elcr),
    KEEP(pic_chip, icw1), KEEP(pic_chip, icw2), KEEP(pic_chip, icw3), KEEP(pic_chip, icw4), UPTO(pic_chip, expect, 4), FLAG(pic_chip, ready),
    UPTO(pic_chip, lowest, 7), KEEP(pic_chip, special_mask), KEEP(pic_chip, rotate_auto), KEEP(pic_chip, read_isr), KEEP(pic_chip, poll),
    FLAG(pic_chip, out), STATE_END,
};
static const struct state_table pic_chip_state = STATE_TABLE(pic_chip, pic_chip_rows);
static const struct state_row pic_rows[] = {
    NONE(pic, device), NONE(pic, intr), NONE(pic, trace), NONE(pic, is_virtual), NONE(pic, bus), SUB(pic, chip, pic_chip_state), STATE_END,
};
static const struct state_table pic_state = STATE_TABLE(pic, pic_rows);

static const struct state_row counter_rows[] = {
    KEEP(counter, at), KEEP(counter, cr), KEEP(counter, ce), KEEP(counter, loaded), KEEP(counter, control), UPTO(counter, mode, 5),
    FLAG(counter, out), FLAG(counter, gate), FLAG(counter, null), FLAG(counter, has_count), FLAG(counter, load), FLAG(counter, running),
    FLAG(counter, strobe), KEEP(counter, low_byte), FLAG(counter, write_high), FLAG(counter, read_high), UPTO(counter, latched, 2),
    FLAG(counter, has_status), KEEP(counter, status), KEEP(counter, latch), STATE_END,
};
static const struct state_table counter_state = STATE_TABLE(counter, counter_rows);
static const struct state_row pit_rows[] = {
    NONE(pit, device), NONE(pit, q), NONE(pit, irq0), TIME(pit, timer), FLAG(pit, line), KEEP(pit, port61), SUB(pit, counter, counter_state),
    STATE_END,
};
static const struct state_table pit_state = STATE_TABLE(pit, pit_rows);

static const struct state_row uart_fifo_rows[] = {
    KEEP(uart_fifo, byte), UPTO(uart_fifo, head, UART_FIFO - 1), UPTO(uart_fifo, count, UART_FIFO), STATE_END,
};
static const struct state_table uart_fifo_state = STATE_TABLE(uart_fifo, uart_fifo_rows);
static const struct state_row uart_rows[] = {
    NONE(uart, device), NONE(uart, q), NONE(uart, irq), NONE(uart, bus), NONE(uart, base), NONE(uart, sink), NONE(uart, source),
    NONE(uart, char_cycles_max), KEEP(uart, ier), KEEP(uart, iir), KEEP(uart, fcr), KEEP(uart, lcr), KEEP(uart, mcr), KEEP(uart, lsr),
    KEEP(uart, msr), KEEP(uart, scr), KEEP(uart, divisor), SUB(uart, rx, uart_fifo_state), SUB(uart, tx, uart_fifo_state), KEEP(uart, shift),
    FLAG(uart, shifting), FLAG(uart, thr_int), FLAG(uart, late_int), FLAG(uart, line), FLAG(uart, polled), FLAG(uart, talking),
    FLAG(uart, quiet), TIME(uart, tx_timer), TIME(uart, rx_timer), TIME(uart, line_timer), STATE_END,
};
static const struct state_table uart_state = STATE_TABLE(uart, uart_rows);

static const struct state_row debug_exit_rows[] = {
    NONE(debug_exit, device), NONE(debug_exit, stop), NONE(debug_exit, self), KEEP(debug_exit, value), FLAG(debug_exit, written), STATE_END,
};
static const struct state_table debug_exit_state = STATE_TABLE(debug_exit, debug_exit_rows);
static const struct state_row debug_console_rows[] = {
    NONE(debug_console, device), NONE(debug_console, sink), KEEP(debug_console, last), STATE_END,
};
static const struct state_table debug_console_state = STATE_TABLE(debug_console, debug_console_rows);

static const struct state_row vga_rows[] = {
    NONE(vga, device), NONE(vga, clock), KEEP(vga, misc), KEEP(vga, feature), KEEP(vga, seq_index), KEEP(vga, crtc_index),
    KEEP(vga, graphics_index), KEEP(vga, attribute_index), KEEP(vga, attribute_data), KEEP(vga, dac_mask), KEEP(vga, dac_reading),
    UPTO(vga, dac_write, VGA_DAC - 1), UPTO(vga, dac_read, VGA_DAC - 1), KEEP(vga, seq), KEEP(vga, crtc), KEEP(vga, graphics),
    KEEP(vga, attribute), KEEP(vga, dac), STATE_END,
};
static const struct state_table vga_state = STATE_TABLE(vga, vga_rows);

static const struct state_row kbc_unit_rows[] = {
    KEEP(kbc_unit, buf), UPTO(kbc_unit, first, KBC_QUEUE - 1), UPTO(kbc_unit, count, KBC_QUEUE), KEEP(kbc_unit, expect), KEEP(kbc_unit, last),
    KEEP(kbc_unit, enabled), KEEP(kbc_unit, set), KEEP(kbc_unit, leds), KEEP(kbc_unit, typematic), KEEP(kbc_unit, resolution),
    KEEP(kbc_unit, rate), KEEP(kbc_unit, remote), KEEP(kbc_unit, scaling), KEEP(kbc_unit, wrap), STATE_END,
};
static const struct state_table kbc_unit_state = STATE_TABLE(kbc_unit, kbc_unit_rows);
static const struct state_row kbc_rows[] = {
    NONE(kbc, device), NONE(kbc, q), NONE(kbc, irq1), NONE(kbc, irq12), NONE(kbc, a20), NONE(kbc, reset), TIME(kbc, timer),
    NONE(kbc, byte_cycles), KEEP(kbc, ram), KEEP(kbc, out), KEEP(kbc, full), KEEP(kbc, aux), KEEP(kbc, command_last), KEEP(kbc, outport),
    KEEP(kbc, expect), KEEP(kbc, reply), KEEP(kbc, reply_aux), KEEP(kbc, replying), KEEP(kbc, released), SUB(kbc, keyboard, kbc_unit_state),
    SUB(kbc, mouse, kbc_unit_state), STATE_END,
};
static const struct state_table kbc_state = STATE_TABLE(kbc, kbc_rows);

static const struct state_row port92_rows[] = {
    NONE(port92, device), NONE(port92, a20), NONE(port92, reset), KEEP(port92, value), STATE_END,
};
static const struct state_table port92_state = STATE_TABLE(port92, port92_rows);
static const struct state_row post_rows[] = { NONE(post, device), KEEP(post, code), FLAG(post, written), NONE(post, bus), STATE_END };
static const struct state_table post_state = STATE_TABLE(post, post_rows);
static const struct state_row coprocessor_rows[] = {
    NONE(coprocessor, device), NONE(coprocessor, irq), NONE(coprocessor, ignne), FLAG(coprocessor, ferr), FLAG(coprocessor, ignores), STATE_END,
};
static const struct state_table coprocessor_state = STATE_TABLE(coprocessor, coprocessor_rows);

static const struct state_row cmos_rows[] = {
    NONE(cmos, device), NONE(cmos, q), NONE(cmos, irq8), TIME(cmos, timer), KEEP(cmos, second_at), KEEP(cmos, done), KEEP(cmos, index),
    KEEP(cmos, ram), STATE_END,
};
static const struct state_table cmos_state = STATE_TABLE(cmos, cmos_rows);

static const struct state_row pci_rows[] = {
    NONE(pci, device), NONE(pci, reset), KEEP(pci, address), NONE(pci, shadow), NONE(pci, pam_reset), NONE(pci, vga), NONE(pci, nic),
    NONE(pci, virtio), KEEP(pci, control), KEEP(pci, config), NONE(pci, listener), STATE_END,
};
static const struct state_table pci_state = STATE_TABLE(pci, pci_rows);

static const struct state_row pm_rows[] = {
    NONE(pm, device), NONE(pm, q), NONE(pm, bus), NONE(pm, sci), NONE(pm, off), TIME(pm, timer), KEEP(pm, turns), NONE(pm, base),
    KEEP(pm, status), KEEP(pm, enable), KEEP(pm, control), STATE_END,
};
static const struct state_table pm_state = STATE_TABLE(pm, pm_rows);

static const struct state_row ata_geometry_rows[] = {
    KEEP(ata_geometry, cylinders), KEEP(ata_geometry, heads), KEEP(ata_geometry, sectors), STATE_END,
};
static const struct state_table ata_geometry_state = STATE_TABLE(ata_geometry, ata_geometry_rows);
enum { ATA_PHASES = 15, ATA_BUFFER = ATA_BLOCK * DISK_SECTOR, ATA_MOST = 65536 };
static const struct state_row ata_rows[] = {
    NONE(ata, q), TIME(ata, timer), NONE(ata, disk), NONE(ata, times), NONE(ata, host), NONE(ata, unit), NONE(ata, alone),
    NONE(ata, natural), SUB(ata, current, ata_geometry_state), KEEP(ata, reg), KEEP(ata, error), KEEP(ata, status), KEEP(ata, command),
    FLAG(ata, intrq), UPTO(ata, phase, ATA_PHASES), KEEP(ata, result), UPTO(ata, multiple, ATA_BLOCK), KEEP(ata, mode_mw), KEEP(ata, mode_u),
    FLAG(ata, write_cache), FLAG(ata, look_ahead), UPTO(ata, power, ATA_SLEEPING), KEEP(ata, lba), KEEP(ata, head), UPTO(ata, left, ATA_MOST),
    UPTO(ata, block, ATA_BLOCK), UPTO(ata, at, ATA_BUFFER), UPTO(ata, end, ATA_BUFFER), KEEP(ata, ticket), KEEP(ata, commands),
    KEEP(ata, buffer), STATE_END,
};
static const struct state_table ata_state = STATE_TABLE(ata, ata_rows);
static const struct state_row bmide_rows[] = {
    NONE(bmide, master), KEEP(bmide, command), KEEP(bmide, status), KEEP(bmide, table), KEEP(bmide, next), KEEP(bmide, at),
    UPTO(bmide, left, 65536), FLAG(bmide, last), STATE_END,
};
static const struct state_table bmide_state = STATE_TABLE(bmide, bmide_rows);
static const struct state_row ide_channel_rows[] = {
    NONE(ide_channel, irq), NONE(ide_channel, trace), NONE(ide_channel, is_virtual), NONE(ide_channel, decoded), FLAG(ide_channel, level),
    KEEP(ide_channel, interrupts), KEEP(ide_channel, control), FLAG(ide_channel, selected), SUB(ide_channel, bm, bmide_state),
    SUB(ide_channel, drive, ata_state), STATE_END,
};
static const struct state_table ide_channel_state = STATE_TABLE(ide_channel, ide_channel_rows);
static const struct state_row ide_rows[] = {
    NONE(ide, device), NONE(ide, bus), NONE(ide, base), SUB(ide, channel, ide_channel_state), KEEP(ide, accesses), STATE_END,
};
static const struct state_table ide_state = STATE_TABLE(ide, ide_rows);

static const struct state_row nic_eeprom_rows[] = {
    KEEP(nic_eeprom, word), KEEP(nic_eeprom, in), KEEP(nic_eeprom, out), UPTO(nic_eeprom, count, 25), UPTO(nic_eeprom, left, 16),
    FLAG(nic_eeprom, select), FLAG(nic_eeprom, clock), FLAG(nic_eeprom, data), FLAG(nic_eeprom, writable), STATE_END,
};
static const struct state_table nic_eeprom_state = STATE_TABLE(nic_eeprom, nic_eeprom_rows);
static const struct state_row nic_rows[] = {
    NONE(nic, device), NONE(nic, master), NONE(nic, irq), NONE(nic, queue), NONE(nic, cable), NONE(nic, trace), NONE(nic, is_virtual),
    NONE(nic, base), NONE(nic, window), KEEP(nic, reg), KEEP(nic, command), KEEP(nic, imr), KEEP(nic, isr), KEEP(nic, tsd), KEEP(nic, tsad),
    KEEP(nic, tcr), KEEP(nic, rcr), KEEP(nic, rbstart), KEEP(nic, capr), KEEP(nic, cbr), KEEP(nic, missed), KEEP(nic, timer_int),
    KEEP(nic, timer_zero), UPTO(nic, next, NIC_DESCRIPTORS - 1), UPTO(nic, current, NIC_DESCRIPTORS - 1), FLAG(nic, sending), UPTO(nic, length, NIC_FRAME), KEEP(nic, frame),
    TIME(nic, sent), TIME(nic, tick), SUB(nic, eeprom, nic_eeprom_state), KEEP(nic, frames_out), KEEP(nic, frames_in), STATE_END,
};
static const struct state_table nic_state = STATE_TABLE(nic, nic_rows);

static const struct state_row virtio_queue_rows[] = {
    KEEP(virtio_queue, page), KEEP(virtio_queue, seen), KEEP(virtio_queue, used), FLAG(virtio_queue, quiet), FLAG(virtio_queue, broken), STATE_END,
};
static const struct state_table virtio_queue_state = STATE_TABLE(virtio_queue, virtio_queue_rows);
static const struct state_row virtio_rows[] = {
    NONE(virtio, device), NONE(virtio, master), NONE(virtio, irq), NONE(virtio, kind), NONE(virtio, base), NONE(virtio, offered),
    KEEP(virtio, taken), KEEP(virtio, select), KEEP(virtio, status), KEEP(virtio, isr), KEEP(virtio, config), SUB(virtio, queue, virtio_queue_state),
    KEEP(virtio, accesses), KEEP(virtio, kicks), KEEP(virtio, requests), KEEP(virtio, interrupts), KEEP(virtio, malformed), STATE_END,
};
static const struct state_table virtio_state = STATE_TABLE(virtio, virtio_rows);
/* A frame on the wire is at rest: it needs no more of its request than the number. */
static const struct state_row virtio_net_rows[] = {
    SUB(virtio_net, virtio, virtio_state), NONE(virtio_net, q), TIME(virtio_net, timer), NONE(virtio_net, cable), NONE(virtio_net, trace),
    NONE(virtio_net, is_virtual), FLAG(virtio_net, active), UPTO(virtio_net, bytes, NET_MOST), UPTO(virtio_net, head, VIRTIO_ENTRIES - 1),
    NONE(virtio_net, chain), NONE(virtio_net, address), KEEP(virtio_net, frame), KEEP(virtio_net, frames_out), KEEP(virtio_net, frames_in),
    KEEP(virtio_net, missed), STATE_END,
};
static const struct state_table virtio_net_state = STATE_TABLE(virtio_net, virtio_net_rows);
/* Only a device at rest is saved: a request under way is one of the VM's disk. */
static const struct state_row virtio_blk_rows[] = {
    SUB(virtio_blk, virtio, virtio_state), NONE(virtio_blk, q), NONE(virtio_blk, timer), NONE(virtio_blk, disk), NONE(virtio_blk, times),
    NONE(virtio_blk, trace), NONE(virtio_blk, unit), NONE(virtio_blk, is_virtual), NONE(virtio_blk, active), NONE(virtio_blk, write),
    NONE(virtio_blk, chain), NONE(virtio_blk, lba), KEEP(virtio_blk, head), NONE(virtio_blk, moved), NONE(virtio_blk, left),
    NONE(virtio_blk, block), KEEP(virtio_blk, ticket), KEEP(virtio_blk, commands), NONE(virtio_blk, buffer), STATE_END,
};
static const struct state_table virtio_blk_state = STATE_TABLE(virtio_blk, virtio_blk_rows);

static const struct state_row dma_channel_rows[] = { KEEP(dma_channel, base), KEEP(dma_channel, now), KEEP(dma_channel, mode), STATE_END };
static const struct state_table dma_channel_state = STATE_TABLE(dma_channel, dma_channel_rows);
static const struct state_row dma_chip_rows[] = {
    SUB(dma_chip, channel, dma_channel_state), KEEP(dma_chip, command), KEEP(dma_chip, mask), KEEP(dma_chip, request), FLAG(dma_chip, high),
    STATE_END,
};
static const struct state_table dma_chip_state = STATE_TABLE(dma_chip, dma_chip_rows);
static const struct state_row dma_rows[] = { NONE(dma, device), SUB(dma, chip, dma_chip_state), KEEP(dma, page), STATE_END };
static const struct state_table dma_state = STATE_TABLE(dma, dma_rows);

static const struct state_row lpt_unit_rows[] = { KEEP(lpt_unit, data), KEEP(lpt_unit, control), STATE_END };
static const struct state_table lpt_unit_state = STATE_TABLE(lpt_unit, lpt_unit_rows);
static const struct state_row lpt_rows[] = { NONE(lpt, device), NONE(lpt, sink), SUB(lpt, unit, lpt_unit_state), STATE_END };
static const struct state_table lpt_state = STATE_TABLE(lpt, lpt_rows);

static const struct state_row apic_timer_rows[] = {
    NONE(apic_timer, q), TIME(apic_timer, node), NONE(apic_timer, expire), NONE(apic_timer, self), KEEP(apic_timer, from),
    KEEP(apic_timer, initial), UPTO(apic_timer, shift, 7), FLAG(apic_timer, periodic), FLAG(apic_timer, running), STATE_END,
};
static const struct state_table apic_timer_state = STATE_TABLE(apic_timer, apic_timer_rows);
static const struct state_row lapic_rows[] = {
    NONE(lapic, device), NONE(lapic, bus), NONE(lapic, w), SUB(lapic, timer, apic_timer_state), KEEP(lapic, base), FLAG(lapic, enabled),
    UPTO(lapic, pins, 3), FLAG(lapic, extint), FLAG(lapic, out), KEEP(lapic, id), KEEP(lapic, tpr), KEEP(lapic, ldr), KEEP(lapic, dfr),
    KEEP(lapic, svr), KEEP(lapic, icr), KEEP(lapic, divide), KEEP(lapic, esr), KEEP(lapic, errors), KEEP(lapic, lvt), KEEP(lapic, irr),
    KEEP(lapic, isr), KEEP(lapic, tmr), STATE_END,
};
static const struct state_table lapic_state = STATE_TABLE(lapic, lapic_rows);
static const struct state_row ioapic_rows[] = {
    NONE(ioapic, device), NONE(ioapic, lapic), KEEP(ioapic, select), KEEP(ioapic, id), KEEP(ioapic, pins), KEEP(ioapic, entry), STATE_END,
};
static const struct state_table ioapic_state = STATE_TABLE(ioapic, ioapic_rows);

/* A VM has no IOMMU. */
static const struct state_row devices_rows[] = {
    SUB(devices, pic, pic_state), SUB(devices, pit, pit_state), SUB(devices, uart, uart_state), SUB(devices, exit, debug_exit_state),
    SUB(devices, console, debug_console_state), SUB(devices, vga, vga_state), SUB(devices, kbc, kbc_state), SUB(devices, port92, port92_state),
    SUB(devices, post, post_state), SUB(devices, coprocessor, coprocessor_state), SUB(devices, cmos, cmos_state), SUB(devices, pci, pci_state),
    SUB(devices, pm, pm_state), SUB(devices, ide, ide_state), SUB(devices, dma, dma_state), SUB(devices, nic, nic_state),
    SUB(devices, virtio_net, virtio_net_state), SUB(devices, virtio_blk, virtio_blk_state), SUB(devices, lpt, lpt_state),
    SUB(devices, lapic, lapic_state), SUB(devices, ioapic, ioapic_state), NONE(devices, iommu), FLAG(devices, apics), NONE(devices, remaps), NONE(devices, intr), KEEP(devices, pirq),
    KEEP(devices, routed), NONE(devices, a20), KEEP(devices, a20_open), NONE(devices, count), NONE(devices, list), STATE_END,
};
const struct state_table devices_state = STATE_TABLE(devices, devices_rows);

void devices_save(const struct devices *d, const struct timeq *q, struct text *out) { state_save(&devices_state, d, q, out); }

/* What the new board has armed by itself while it was made. */
static void disarm(const struct state_table *t, void *at, struct timeq *q)
{
    for (const struct state_row *r = t->row; r->name; r++) {
        uint8_t *field = (uint8_t *)at + r->offset;
        if (r->kind == STATE_TIMER) timeq_cancel(q, (struct timer *)(void *)field);
        for (uint32_t n = 0; r->kind == STATE_PART && n < r->size; n += r->part->size) disarm(r->part, field + n, q);
    }
}

/* The CPU's pins are as its own state says; the lines below are what registers lead to. */
static void follow(struct devices *d)
{
    pic_follow(&d->pic);
    uart_follow(&d->uart);
    post_follow(&d->post);
    pci_follow(&d->pci);
    if (d->apics) lapic_follow(&d->lapic);
}

/* What no row can say: numbers that must fit each other. */
static bool sane(const struct devices *d, struct state_reader *r)
{
    for (unsigned n = 0; n < IDE_DRIVES; n++) {
        const struct ata *a = &d->ide.channel[n / 2].drive[n % 2];
        if (!ata_present(a) || (a->at <= a->end && a->current.heads && a->current.sectors)) continue;
        snprintf(r->why, sizeof r->why, "ata: the registers of drive %u do not fit each other", n);
        return false;
    }
    return true;
}

bool devices_load(struct devices *d, struct timeq *q, struct state_reader *r)
{
    disarm(&devices_state, d, q);
    r->timers = 0;
    if (!state_load(&devices_state, d, r) || !sane(d, r)) return false;
    follow(d);
    state_arm(r, q);
    return true;
}
