// re2 PATTERN: a contestant on the C++ library RE2.
#include <re2/re2.h>
#include "contestant.h"

static RE2 *re;

static uint64_t scan(uint32_t doc, const char *text, uint32_t length) {
  uint64_t n = 0;
  re2::StringPiece s(text, length), match;
  for (size_t from = 0; re->Match(s, from, length, RE2::UNANCHORED, &match, 1); n++) {
    from = match.data() - text + match.size();
    found(doc, from);
  }
  return n;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  RE2::Options options(RE2::Latin1); // bytes
  re = new RE2(argv[1], options);
  return re->ok() ? serve() : 1;
}
