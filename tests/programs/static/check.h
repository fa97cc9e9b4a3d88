// What the static programs share: made-up data, and a line for each result.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DATA = 200000 };

// Half noise, half text, the same in each run.
static inline unsigned char *made_up(void) {
    unsigned char *data = malloc(DATA + 64);
    uint64_t seed = 0x9e3779b97f4a7c15ull;
    for (int i = 0; i < DATA / 2; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        data[i] = (unsigned char)(seed >> 32);
    }
    for (int i = DATA / 2, n = 1; i < DATA; n++) {
        i += snprintf((char *)data + i, 64, "%d squared is %lld, a third of it %.17g\n", n,
                      (long long)n * n, n / 3.0);
    }
    return data;
}

// FNV-1a; goes on from `hash`, which is 0 at first.
static inline uint64_t fnv(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    hash = hash ? hash : 0xcbf29ce484222325ull;
    while (size--) {
        hash = (hash ^ *at++) * 0x100000001b3ull;
    }
    return hash;
}

static inline void check(const char *what, const char *name, const void *bytes, size_t size) {
    printf("CHECK static %s %s %016llx %zu\n", what, name, (unsigned long long)fnv(0, bytes, size), size);
    fflush(stdout);
}

static inline void must(int fine, const char *what) {
    if (!fine) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}
