/* A run in a file (.rtrace): its history, what was run, and all that other formats are made of, without the machine.
 *
 * Idea 1: the file says what it holds. Kinds of events, their fields, names and causes travel with it, so a reader finds them
 * by name, and a file of a program whose events have other fields is refused with the event's name instead of being misread.
 * Idea 2: a file is written by strangers. The checksums come first; what they protect is looked at all the same: each number
 * that is used as an index, each length.
 * Idea 3: a struct recording is the same whether a machine filled it in or a file: exporters do not know.
 *
 *   0   8  "RINGTRCE"          16  8  bytes of the file            28  4  CRC-32 of bytes 0 to 27
 *   8   4  version             24  4  CRC-32 of all from byte 32   32     one DEFLATE stream (zlib, RFC 1950)
 *   12  4  bytes, unpacked
 * Unpacked: sections, each a tag of four letters, four bytes 0, a length of 8 bytes, and that many bytes. Numbers in them are
 * LEB128, text is a length and bytes. WHAT: lines KEY=VALUE. NAME: enumerations. KIND: event kinds. EVNT: events, as
 * differences to the one before. CAUS: causes with their totals. EPIS: visits to the hypervisor. SYMB: addresses with names.
 * STEP: the lesson's steps.
 * FRAM: network frames, a pcap file. A reader leaves sections out that it does not know. */
#ifndef TRACE_RECORDING_H
#define TRACE_RECORDING_H

#include "sim/trace/trace_export.h"

enum { RECORDING_VERSION = 1, RECORDING_STEPS = 64, RECORDING_HEADER = 32, RECORDING_MOST = 1 << 30 };

struct recording_step { const char *title, *note; uint32_t last; /* id of its last event */ };
struct recording_symbol { uint32_t at; const char *name; };

struct recording {
    struct text what;              /* run identity: lines KEY=VALUE */
    struct trace_export x;         /* history, end, causes, names */
    bool hypervisor, hosted;
    struct recording_step step[RECORDING_STEPS];
    unsigned steps;
    struct text frames;            /* a pcap file; empty: no network card */
    /* What a file brought, and recording_free gives back. */
    struct trace *own;
    uint64_t by_cause[CAUSE_COUNT];
    struct recording_symbol *symbol;
    size_t symbols;
    struct text strings;
    char title[200];
};

/* Adds the whole file. */
void recording_write(const struct recording *r, struct text *out);
/* Reads one into a cleared `r`; `name` is for the message. EXIT_INPUT: not such a file, cut, altered, of another version. The
 * names of enumerations that the file brings stay registered (trace_names). */
bool recording_read(struct recording *r, const struct text *file, const char *name, struct err *e);
void recording_free(struct recording *r);
/* The value behind "KEY=" in `what`, in `buf`; "" if there is none. */
const char *recording_value(const struct recording *r, const char *key, char *buf, size_t n);

#endif
