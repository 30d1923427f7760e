/* Guests of raw machine code, for tests: a Multiboot image of one page at RAW_AT, and a page of zeros behind it. */
#ifndef TESTS_RAW_GUEST_H
#define TESTS_RAW_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Guest physical addresses: the image, its first instruction, the page behind. */
enum { RAW_AT = 0x100000, RAW_CODE = RAW_AT + 0x20, RAW_DATA = RAW_AT + 0x1000, RAW_END = RAW_AT + 0x2000 };

/* Writes the image with n bytes of code, one page less its header at most. */
static inline void raw_guest_write(const char *path, const uint8_t *code, size_t n)
{
    static uint8_t image[RAW_DATA - RAW_AT];
    static const uint32_t header[] = { 0x1BADB002, 0x10000, 0u - 0x1BADB002u - 0x10000u, RAW_AT, RAW_AT, RAW_DATA, RAW_END, RAW_CODE };
    assert_true(n <= sizeof image - (RAW_CODE - RAW_AT));
    memset(image, 0, sizeof image);
    memcpy(image, header, sizeof header);
    memcpy(image + (RAW_CODE - RAW_AT), code, n);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(image, sizeof image, 1, f), 1);
    assert_int_equal(fclose(f), 0);
}

#endif
