/* SHA-256 (FIPS 180-4), for seeds that are nobody's but one student's, and for answers that are sealed. */
#ifndef SIM_SHA256_H
#define SIM_SHA256_H

#include <stddef.h>
#include <stdint.h>

void sha256(const void *bytes, size_t n, uint8_t digest[32]);
/* 64 hexadecimal digits and a 0. */
void sha256_hex(const uint8_t digest[32], char hex[65]);

#endif
