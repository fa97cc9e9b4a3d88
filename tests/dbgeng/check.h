// What the programs of these tests share: checks that are counted and say what they saw.
#pragma once
#include <ringhold_dbgeng.h>
#include <initializer_list>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Codes that the platform's headers do not name.
constexpr HRESULT READ_FAULT = static_cast<HRESULT>(0x8007001e);
constexpr HRESULT WRITE_FAULT = static_cast<HRESULT>(0x8007001d);
constexpr HRESULT NO_PAGEFILE = static_cast<HRESULT>(0xd0000147);
constexpr HRESULT NO_MORE_ENTRIES = static_cast<HRESULT>(0x9000001a);
constexpr HRESULT MISALIGNED = static_cast<HRESULT>(0x90000002);
constexpr HRESULT NO_SUCH_DEVICE = static_cast<HRESULT>(0xd000000e);
constexpr HRESULT UNSUCCESSFUL = static_cast<HRESULT>(0xd0000001);

inline int checks = 0;
inline int failures = 0;

// Two numbers must be the same.
inline void same(const char *what, unsigned long long found, unsigned long long expected) {
    checks++;
    if (found == expected) return;
    failures++;
    printf("FAILED %s: %#llx, expected %#llx\n", what, found, expected);
}

// A call must have this result.
inline void gives(const char *what, HRESULT found, HRESULT expected) {
    same(what, static_cast<ULONG>(found), static_cast<ULONG>(expected));
}

// A call must have this result and leave this count. The count is looked at after the call, which
// is made among the same arguments.
template <typename Count>
void moves(const char *what, HRESULT found, HRESULT expected, const Count &count, unsigned long long expected_count) {
    checks++;
    if (found == expected && count == expected_count) return;
    failures++;
    printf("FAILED %s: %#lx with count %#llx, expected %#lx with count %#llx\n", what, static_cast<ULONG>(found),
           static_cast<unsigned long long>(count), static_cast<ULONG>(expected), expected_count);
}

inline void is_true(const char *what, bool truth) { same(what, truth, true); }

// Without this nothing further makes sense.
inline void need(const char *what, HRESULT result) {
    if (SUCCEEDED(result)) return;
    printf("FAILED %s: %#lx\n", what, static_cast<ULONG>(result));
    exit(1);
}

// The last line and the exit status of a program.
inline int verdict(const char *name) {
    printf("%s: %d checks, %d failed\n", name, checks, failures);
    return failures == 0 ? 0 : 1;
}
