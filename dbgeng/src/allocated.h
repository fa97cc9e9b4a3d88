// Objects from the C heap: `new` gives null where there is no memory, and throws nothing.
#pragma once
#include <stdlib.h>

struct Allocated {
    static void *operator new(size_t size) noexcept { return calloc(1, size); }
    static void operator delete(void *object) { free(object); }
};
