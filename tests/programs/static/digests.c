// OpenSSL's digests, ciphers and big numbers, out of libcrypto.a.

#include <openssl/bn.h>
#include <openssl/evp.h>
#include "check.h"

static void digest(const char *name, const unsigned char *data) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    must(EVP_Digest(data, DATA, out, &size, EVP_get_digestbyname(name), NULL), name);
    check("digest", name, out, size);
}

static void cipher(const char *name, const unsigned char *data) {
    static const unsigned char key[32] = "a key of thirty-two bytes, fixed", iv[16] = "a fixed vector..";
    unsigned char *sealed = malloc(DATA + 64), *opened = malloc(DATA + 64);
    int size = 0, rest = 0, back = 0, last = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *kind = EVP_get_cipherbyname(name);
    must(kind && EVP_EncryptInit_ex(context, kind, NULL, key, iv), name);
    must(EVP_EncryptUpdate(context, sealed, &size, data, DATA), name);
    must(EVP_EncryptFinal_ex(context, sealed + size, &rest), name);
    must(EVP_DecryptInit_ex(context, kind, NULL, key, iv), name);
    if (EVP_CIPHER_get_mode(kind) == EVP_CIPH_GCM_MODE) {
        unsigned char tag[16];
        EVP_CIPHER_CTX_free(context);
        context = EVP_CIPHER_CTX_new();
        must(EVP_EncryptInit_ex(context, kind, NULL, key, iv), name);
        must(EVP_EncryptUpdate(context, sealed, &size, data, DATA), name);
        must(EVP_EncryptFinal_ex(context, sealed + size, &rest), name);
        must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag), name);
        check("tag", name, tag, 16);
    } else {
        must(EVP_DecryptUpdate(context, opened, &back, sealed, size + rest), name);
        must(EVP_DecryptFinal_ex(context, opened + back, &last), name);
        must(back + last == DATA && !memcmp(opened, data, DATA), name);
    }
    check("cipher", name, sealed, (size_t)(size + rest));
    EVP_CIPHER_CTX_free(context);
    free(sealed);
    free(opened);
}

// Modular exponentiation has code of its own for MULX and ADX.
static void power(const unsigned char *data, int bytes) {
    BN_CTX *context = BN_CTX_new();
    BIGNUM *base = BN_bin2bn(data, bytes, NULL), *exponent = BN_bin2bn(data + bytes, bytes, NULL);
    BIGNUM *modulus = BN_bin2bn(data + 2 * bytes, bytes, NULL), *result = BN_new();
    BN_set_bit(modulus, 0);
    must(BN_mod_exp(result, base, exponent, modulus, context), "power");
    char *digits = BN_bn2hex(result), name[16];
    snprintf(name, sizeof name, "%d-bits", 8 * bytes);
    check("power", name, digits, strlen(digits));
}

int main(void) {
    static const char *const digests[] = {"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-256",
        "sha3-256", "sha3-512", "shake128", "blake2b512", "blake2s256", "sm3"};
    static const char *const ciphers[] = {"aes-128-cbc", "aes-192-ctr", "aes-256-ecb", "aes-256-gcm",
        "camellia-256-cbc", "aria-128-cbc", "sm4-cbc", "chacha20", "des-ede3-cbc"};
    unsigned char *data = made_up();
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        digest(digests[i], data);
    }
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++) {
        cipher(ciphers[i], data);
    }
    power(data, 128);
    power(data, 256);
    power(data, 512);
    return 0;
}
