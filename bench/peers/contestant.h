// What a contestant written in C or C++ has in common with those in contestant.go: it reads commands, one a line:
//   load STEM        the documents of corpus.go's writeDocs
//   verify K FILE    scan the first K documents, write "document end" of each match to FILE
//   round K          scan the first K documents, answer nanoseconds of CPU time and matches
// and answers each with a line that begins with "ok".
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *docs;
static uint32_t *lengths, count;
static FILE *out; // while verifying

static void *slurp(const char *stem, const char *suffix) {
  char path[4096];
  snprintf(path, sizeof path, "%s%s", stem, suffix);
  FILE *f = fopen(path, "rb");
  if (!f) { perror(path); exit(1); }
  fseek(f, 0, SEEK_END);
  long n = ftell(f);
  rewind(f);
  void *p = malloc(n + 1);
  if (!p || fread(p, 1, n, f) != (size_t)n) { perror(path); exit(1); }
  fclose(f);
  return p;
}

// scan calls back found for each match of a document, and returns how many there were.
static uint64_t scan(uint32_t doc, const char *text, uint32_t length);

static void found(uint32_t doc, uint64_t end) {
  if (out) fprintf(out, "%u %llu\n", doc, (unsigned long long)end);
}

static uint64_t scan_all(uint32_t k) {
  uint64_t matches = 0;
  const char *p = docs;
  for (uint32_t i = 0; i < k && i < count; i++) {
    matches += scan(i, p, lengths[i]);
    p += lengths[i] + 1;
  }
  return matches;
}

static int serve(void) {
  char line[8192], name[4096];
  uint32_t k;
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "load %4095[^\n]", name) == 1) {
      free(docs);
      docs = (char *)slurp(name, ".docs");
      lengths = (uint32_t *)slurp(name, ".index");
      count = *lengths++;
      printf("ok\n");
    } else if (sscanf(line, "verify %u %4095[^\n]", &k, name) == 2) {
      if (!(out = fopen(name, "w"))) { perror(name); return 1; }
      uint64_t n = scan_all(k);
      fclose(out);
      out = NULL;
      printf("ok 0 %llu\n", (unsigned long long)n);
    } else if (sscanf(line, "round %u", &k) == 1) {
      struct timespec a, b;
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
      uint64_t n = scan_all(k);
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
      printf("ok %lld %llu\n", (b.tv_sec - a.tv_sec) * 1000000000LL + b.tv_nsec - a.tv_nsec, (unsigned long long)n);
    }
    fflush(stdout);
  }
  return 0;
}
