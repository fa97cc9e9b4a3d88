// Round trips through libz.a, liblzma.a and libzstd.a.

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include "check.h"

static unsigned char *data, packed[2 * DATA], opened[DATA];

static void same(const char *what) {
    must(!memcmp(opened, data, DATA), what);
    memset(opened, 0, DATA);
}

int main(void) {
    char name[16];
    data = made_up();
    for (int level = 1; level <= 9; level += 4) {
        uLongf size = sizeof packed, back = DATA;
        must(compress2(packed, &size, data, DATA, level) == Z_OK, "compress2");
        must(uncompress(opened, &back, packed, size) == Z_OK && back == DATA, "uncompress");
        same("zlib");
        snprintf(name, sizeof name, "zlib-%d", level);
        check("pack", name, packed, size);
    }
    printf("CHECK static pack adler %08lx crc %08lx\n", adler32(1, data, DATA), crc32(0, data, DATA));
    for (unsigned level = 0; level <= 6; level += 3) {
        size_t size = 0, from = 0, to = 0;
        uint64_t limit = UINT64_MAX;
        must(lzma_easy_buffer_encode(level, LZMA_CHECK_SHA256, NULL, data, DATA, packed, &size, sizeof packed)
                 == LZMA_OK, "lzma_easy_buffer_encode");
        must(lzma_stream_buffer_decode(&limit, 0, NULL, packed, &from, size, opened, &to, DATA) == LZMA_OK,
             "lzma_stream_buffer_decode");
        same("xz");
        snprintf(name, sizeof name, "xz-%u", level);
        check("pack", name, packed, size);
    }
    for (int level = 1; level <= 19; level += 6) {
        size_t size = ZSTD_compress(packed, sizeof packed, data, DATA, level);
        must(!ZSTD_isError(size) && ZSTD_decompress(opened, DATA, packed, size) == DATA, "zstd");
        same("zstd");
        snprintf(name, sizeof name, "zstd-%d", level);
        check("pack", name, packed, size);
    }
    return 0;
}
