// A compiler compiling: the tiny C compiler, out of libtcc.a. The object file that it makes of a source
// is hashed; the same source is compiled once more into memory and run there.

#include <libtcc.h>
#include "check.h"

static const char *file(const char *path, size_t *size) {
    static char bytes[1 << 20];
    FILE *stream = fopen(path, "rb");
    must(stream != NULL, path);
    *size = fread(bytes, 1, sizeof bytes - 1, stream);
    bytes[*size] = 0;
    fclose(stream);
    return bytes;
}

int main(int argc, char **argv) {
    size_t size;
    must(argc == 3, "compiler SOURCE OBJECT");
    char *source = strdup(file(argv[1], &size));
    TCCState *tcc = tcc_new();
    tcc_set_options(tcc, "-nostdlib -nostdinc");
    tcc_set_output_type(tcc, TCC_OUTPUT_OBJ);
    must(tcc_compile_string(tcc, source) == 0, "tcc_compile_string");
    must(tcc_output_file(tcc, argv[2]) == 0, "tcc_output_file");
    tcc_delete(tcc);
    const char *object = file(argv[2], &size);
    check("compiler", "object", object, size);

    tcc = tcc_new();
    tcc_set_options(tcc, "-nostdlib -nostdinc");
    tcc_set_output_type(tcc, TCC_OUTPUT_MEMORY);
    tcc_add_symbol(tcc, "memset", memset); // for what has an initializer
    must(tcc_compile_string(tcc, source) == 0, "tcc_compile_string");
    must(tcc_relocate(tcc, TCC_RELOCATE_AUTO) >= 0, "tcc_relocate");
    double (*integral)(int) = tcc_get_symbol(tcc, "integral");
    unsigned (*primes)(unsigned) = tcc_get_symbol(tcc, "primes");
    unsigned long long (*mixed)(unsigned) = tcc_get_symbol(tcc, "mixed");
    must(integral && primes && mixed, "tcc_get_symbol");
    printf("CHECK static compiler runs %a %u %llx\n", integral(20000), primes(30000), mixed(50000));
    return 0;
}
