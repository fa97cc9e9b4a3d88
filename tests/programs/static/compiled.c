/* What compiler.c compiles: no headers, no library. */

static unsigned char composite[1 << 16];

struct point {
    double x;
    float y;
    short tag : 5, rest : 11;
};

double integral(int steps) {
    long double sum = 0;
    for (int i = 0; i < steps; i++) {
        struct point p = {(i + 0.5) / steps, i / 3.0f, i, i};
        sum += 4 / (1 + p.x * p.x) + p.tag * 1e-9 + (p.rest ? p.y * 1e-12 : 0);
    }
    return sum / steps;
}

unsigned primes(unsigned below) {
    unsigned count = 0;
    for (unsigned n = 2; n < below; n++) {
        if (!composite[n]) {
            count++;
            for (unsigned m = n + n; m < below; m += n) {
                composite[m] = 1;
            }
        }
    }
    return count;
}

unsigned long long mixed(unsigned rounds) {
    unsigned long long a = 0x0123456789abcdefull, b = 1;
    for (unsigned i = 0; i < rounds; i++) {
        switch (a % 7) {
        case 0: a = a * b + i; break;
        case 1: a ^= (long long)a >> 3; break;
        case 2: a = a << 7 | a >> 57; break;
        case 3: b += a / (i + 1); break;
        case 4: a -= (int)b % 1000; break;
        default: a += (long long)((double)(int)a * 0.37) + 1;
        }
    }
    return a ^ b;
}
