// Topics as other protocols write them, and the payload: one text of option.bytes characters, the first eight of them the tag of the message.
#include "load.h"

char *payload;

void make_payload(void) {
  payload = malloc((size_t)option.bytes + 1);
  memset(payload, 'x', (size_t)option.bytes);
  payload[option.bytes] = 0;
  set_tag(0);
}
void set_tag(uint32_t tag) {
  for (int i = 0; i < TAG_BYTES; i++) payload[i] = (char)('a' + (tag >> (4 * i) & 15));
}
uint32_t read_tag(const uint8_t *text) {
  uint32_t tag = 0;
  for (int i = 0; i < TAG_BYTES; i++) tag |= (uint32_t)(text[i] - 'a') << (4 * i);
  if (memcmp(text + TAG_BYTES, payload + TAG_BYTES, (size_t)option.bytes - TAG_BYTES)) fail("a payload was changed");
  return tag;
}
// `com..line5` becomes `com.*.line5` or `com/+/line5`: the same pattern.
void write_topic(char *to, size_t size, const char *topic, char separator, char wildcard) {
  size_t n = 0; char before = '.';
  for (; *topic && n + 2 < size; before = *topic++) {
    if (before == '.' && *topic == '.') to[n++] = wildcard;
    to[n++] = *topic == '.' ? separator : *topic;
  }
  to[n] = 0;
}
