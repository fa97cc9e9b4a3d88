// Every function of glibc's math library over many arguments. Prints a hash of the bits of all
// results for each function, and the flags that they raised.
//
// Compiled when the guest is made; the same file runs on the host and in the machine.

#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t seed;

static uint64_t bits(void) {
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545f4914f6cdd1dull;
}

// A number of any size, or one of ordinary size, or a special one.
static double argument(void) {
    static const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, 2.0, INFINITY, -INFINITY, NAN,
        4.9e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 3.141592653589793,
        1.5707963267948966, 2.718281828459045, 709.78, -745.13, 1e22, 0x1p52, 0x1p-27};
    uint64_t any = bits();
    double value;
    switch (any % 4) {
    case 0:
        return special[(any >> 8) % (sizeof special / sizeof *special)];
    case 1:
        any = bits();
        memcpy(&value, &any, sizeof value);
        return value;
    case 2:
        return (double)(int64_t)bits() / 0x1p60;
    default:
        return (double)(int64_t)bits() / 0x1p53;
    }
}

static uint64_t hash;

static void take(const void *data, size_t bytes) {
    const unsigned char *byte = data;
    while (bytes--) {
        hash = (hash ^ *byte++) * 0x100000001b3ull;
    }
}

static void report(const char *name) {
    printf("CHECK math %s %016llx %x\n", name, (unsigned long long)hash, fetestexcept(FE_ALL_EXCEPT));
}

static void start(uint64_t number) {
    seed = 0x9e3779b97f4a7c15ull + number;
    hash = 0xcbf29ce484222325ull;
    feclearexcept(FE_ALL_EXCEPT);
}

typedef double one(double);
typedef double two(double, double);
typedef float onef(float);
typedef long double onel(long double);

int main(void) {
    enum { ARGUMENTS = 20000 };
    static const struct { const char *name; one *f; } ones[] = {
        {"sin", sin}, {"cos", cos}, {"tan", tan}, {"asin", asin}, {"acos", acos}, {"atan", atan},
        {"sinh", sinh}, {"cosh", cosh}, {"tanh", tanh}, {"asinh", asinh}, {"acosh", acosh},
        {"atanh", atanh}, {"exp", exp}, {"exp2", exp2}, {"expm1", expm1}, {"log", log},
        {"log2", log2}, {"log10", log10}, {"log1p", log1p}, {"sqrt", sqrt}, {"cbrt", cbrt},
        {"erf", erf}, {"erfc", erfc}, {"tgamma", tgamma}, {"lgamma", lgamma}, {"floor", floor},
        {"ceil", ceil}, {"trunc", trunc}, {"rint", rint}, {"nearbyint", nearbyint},
        {"round", round}, {"logb", logb}, {"j0", j0}, {"y0", y0},
    };
    static const struct { const char *name; two *f; } twos[] = {
        {"pow", pow}, {"atan2", atan2}, {"hypot", hypot}, {"fmod", fmod},
        {"remainder", remainder}, {"nextafter", nextafter}, {"fdim", fdim},
    };
    static const struct { const char *name; onef *f; } onefs[] = {
        {"sinf", sinf}, {"cosf", cosf}, {"tanf", tanf}, {"expf", expf}, {"logf", logf},
        {"sqrtf", sqrtf}, {"cbrtf", cbrtf}, {"erff", erff}, {"tgammaf", tgammaf},
    };
    static const struct { const char *name; onel *f; } onels[] = {
        {"sqrtl", sqrtl}, {"rintl", rintl}, {"floorl", floorl}, {"truncl", truncl},
        {"cbrtl", cbrtl}, {"erfl", erfl}, {"logbl", logbl},
    };
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    for (size_t n = 0; n < sizeof ones / sizeof *ones; n++) {
        start(n);
        for (int i = 0; i < ARGUMENTS; i++) {
            fesetround(modes[i % 16 < 4 ? i % 4 : 0]);
            double value = ones[n].f(argument());
            take(&value, sizeof value);
        }
        fesetround(FE_TONEAREST);
        report(ones[n].name);
    }
    for (size_t n = 0; n < sizeof twos / sizeof *twos; n++) {
        start(n);
        for (int i = 0; i < ARGUMENTS; i++) {
            double first = argument();
            double value = twos[n].f(first, argument());
            take(&value, sizeof value);
        }
        report(twos[n].name);
    }
    for (size_t n = 0; n < sizeof onefs / sizeof *onefs; n++) {
        start(n);
        for (int i = 0; i < ARGUMENTS; i++) {
            float value = onefs[n].f((float)argument());
            take(&value, sizeof value);
        }
        report(onefs[n].name);
    }
    for (size_t n = 0; n < sizeof onels / sizeof *onels; n++) {
        start(n);
        for (int i = 0; i < ARGUMENTS; i++) {
            // Ten bytes are the number, the rest is padding.
            long double value = onels[n].f((long double)argument() * 3.0L);
            take(&value, 10);
        }
        report(onels[n].name);
    }
    start(0);
    char text[64];
    for (int i = 0; i < 2000; i++) {
        double value = argument();
        take(text, (size_t)snprintf(text, sizeof text, "%.17g %a", value, value));
    }
    report("printf");
    return 0;
}
