// Growing byte buffers. Inline, since every message is written byte by byte through them.
#ifndef BYTES_H
#define BYTES_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { uint8_t *data; size_t length, capacity, sent; } Bytes;

static inline void put(Bytes *to, const void *data, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = (to->length + length) * 2 + 512;
    if (!(to->data = realloc(to->data, to->capacity))) { fputs("load: out of memory\n", stderr); exit(1); }
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}
static inline void put_byte(Bytes *to, unsigned value) { uint8_t byte = (uint8_t)value; put(to, &byte, 1); }
static inline void put_big_endian(Bytes *to, uint64_t value, int bytes) {
  while (bytes--) put_byte(to, (unsigned)(value >> (8 * bytes)));
}
static inline uint64_t big_endian(const uint8_t *at, int bytes) {
  uint64_t value = 0;
  while (bytes--) value = value << 8 | *at++;
  return value;
}
#endif
