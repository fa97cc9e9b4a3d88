// What the compiler compiles: loops, floating point, structures, strings, switches.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node { struct node *left, *right; double key; char name[16]; };

static struct node *insert(struct node *tree, double key) {
    if (!tree) {
        tree = calloc(1, sizeof *tree);
        tree->key = key;
        snprintf(tree->name, sizeof tree->name, "%.3f", key);
    } else if (key < tree->key) {
        tree->left = insert(tree->left, key);
    } else {
        tree->right = insert(tree->right, key);
    }
    return tree;
}

static double total(const struct node *tree) {
    return tree ? total(tree->left) + tree->key * (double)strlen(tree->name) + total(tree->right) : 0.0;
}

static void multiply(double c[64][64], const double a[64][64], const double b[64][64]) {
    for (int i = 0; i < 64; i++) {
        for (int j = 0; j < 64; j++) {
            double sum = 0;
            for (int k = 0; k < 64; k++) {
                sum += a[i][k] * b[k][j];
            }
            c[i][j] = sum;
        }
    }
}

static unsigned classify(const char *text) {
    unsigned state = 0;
    for (; *text; text++) {
        switch (*text) {
        case '0': case '1': case '2': case '3': case '4': state = state * 31 + 1; break;
        case '5': case '6': case '7': case '8': case '9': state ^= state >> 3; break;
        case '.': state += 77; break;
        case '-': state = ~state; break;
        default: state = (state << 7) | (state >> 25); break;
        }
    }
    return state;
}

static int order(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    static double a[64][64], b[64][64], c[64][64];
    float values[1000];
    struct node *tree = NULL;
    for (int i = 0; i < 64; i++) {
        for (int j = 0; j < 64; j++) {
            a[i][j] = sin(i * 64 + j) + argc;
            b[i][j] = sqrt(fabs(cos(j - i)));
        }
    }
    multiply(c, a, b);
    for (int i = 0; i < 1000; i++) {
        values[i] = (float)c[i % 64][i / 16] / (float)(i + 1);
        tree = insert(tree, fmod(values[i] * 1e3, 17.0));
    }
    qsort(values, 1000, sizeof *values, order);
    printf("%g %g %u\n", total(tree), values[500], classify(argc > 1 ? argv[1] : "-12.5e7"));
    return 0;
}
