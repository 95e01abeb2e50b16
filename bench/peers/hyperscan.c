// hyperscan MODE PATTERN: a contestant on Hyperscan or Vectorscan, whichever it is linked with. MODE is "ends", or "starts"
// to have it report where matches begin, too.
#include <hs.h>
#include "contestant.h"

static hs_database_t *db;
static hs_scratch_t *scratch;

struct hits { uint32_t doc; uint64_t n; };

static int hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
  struct hits *h = (struct hits *)context;
  h->n++;
  found(h->doc, to);
  return 0;
}

static uint64_t scan(uint32_t doc, const char *text, uint32_t length) {
  struct hits h = {doc, 0};
  if (hs_scan(db, text, length, 0, scratch, hit, &h) != HS_SUCCESS) { fprintf(stderr, "hs_scan failed\n"); exit(1); }
  return h.n;
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "version")) { puts(hs_version()); return 0; }
  if (argc != 3) return 2;
  hs_compile_error_t *error;
  unsigned flags = strcmp(argv[1], "starts") ? 0 : HS_FLAG_SOM_LEFTMOST;
  if (hs_compile(argv[2], flags, HS_MODE_BLOCK, NULL, &db, &error) != HS_SUCCESS) {
    fprintf(stderr, "%s\n", error->message);
    return 1;
  }
  if (hs_alloc_scratch(db, &scratch) != HS_SUCCESS) return 1;
  return serve();
}
