// Writes into each kind of space of a machine, reads back, and lets the guest go on.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringhold.h"

static const char *config =
    "(memory: \"16MiB\", devices: [pic(), pit(), uart(name: \"com1\"), pci_host(), isa_bridge(),"
    " edu(gsi: 11), debug_exit()], boot: (kernel: \"builtin:teaching\","
    " cmdline: \"script=\\\"mem;exit 5\\\"\"))";

// Ends the program unless a call did what it should.
static void expect(const char *what, HRESULT found, HRESULT wanted) {
    printf("%-28s 0x%08" PRIX32 "\n", what, (uint32_t)found);
    if (found != wanted) {
        fprintf(stderr, "%s: 0x%08" PRIX32 " was expected\n", what, (uint32_t)wanted);
        exit(1);
    }
}

int main(void) {
    RingholdSession *session;
    char error[200];
    uint32_t count, why, value;
    uint64_t physical, msr, large;

    expect("a bad config", ringhold_create("(nonsense: 1)", NULL, 0, &session, error, sizeof error),
           (HRESULT)0x80004005);
    printf("  %s\n", error);
    if (session != NULL || strstr(error, "nonsense") == NULL)
        return 1;
    expect("ringhold_create", ringhold_create(config, NULL, 0, &session, error, sizeof error), 0);

    // The guest boots for a while, and stands still.
    expect("ringhold_run", ringhold_run(session, 100000, &why, &value), 0);
    uint64_t stack;
    char text[6] = {0};
    expect("GetStackOffset", ringhold_get_stack_offset(session, &stack), 0);
    expect("WriteVirtual", ringhold_write_virtual(session, stack - 64, "hello", 5, &count), 0);
    expect("VirtualToPhysical", ringhold_virtual_to_physical(session, stack - 64, &physical), 0);
    expect("ReadPhysical", ringhold_read_physical(session, physical, text, 5, &count), 0);
    printf("  %u bytes at physical 0x%" PRIx64 ": %s\n", count, physical, text);
    if (count != 5 || strcmp(text, "hello") != 0)
        return 1;

    expect("WriteVirtual, no page", ringhold_write_virtual(session, 1ull << 62, "x", 1, &count),
           (HRESULT)0x8007001D);
    expect("WriteVirtual, null", ringhold_write_virtual(session, stack, NULL, 1, NULL),
           (HRESULT)0x80070057);
    expect("WriteVirtual, no session", ringhold_write_virtual(NULL, stack, "x", 1, NULL),
           (HRESULT)0x80070057);

    // The mask of the first interrupt controller; the guest wants its own back.
    char mask;
    expect("ReadIo", ringhold_read_io(session, 1, 0, 1, 0x21, &mask, 1, &count), 0);
    expect("WriteIo", ringhold_write_io(session, 1, 0, 1, 0x21, "\xfb", 1, &count), 0);
    expect("WriteIo, 3 bytes", ringhold_write_io(session, 1, 0, 1, 0x21, "abc", 3, &count),
           (HRESULT)0x80070057);
    expect("ReadIo", ringhold_read_io(session, 1, 0, 1, 0x21, text, 1, &count), 0);
    if ((unsigned char)text[0] != 0xfb)
        return 1;
    expect("WriteIo", ringhold_write_io(session, 1, 0, 1, 0x21, &mask, 1, &count), 0);

    // The size of the first BAR of 00:04.0, by writing ones to it.
    uint32_t bar, size, ones = 0xffffffff;
    expect("ReadBusData", ringhold_read_bus_data(session, 4, 0, 4, 0x10, &bar, 4, &count), 0);
    expect("WriteBusData", ringhold_write_bus_data(session, 4, 0, 4, 0x10, &ones, 4, &count), 0);
    expect("ReadBusData", ringhold_read_bus_data(session, 4, 0, 4, 0x10, &size, 4, &count), 0);
    expect("WriteBusData", ringhold_write_bus_data(session, 4, 0, 4, 0x10, &bar, 4, &count), 0);
    printf("  a window of %" PRIu32 " bytes at 0x%08" PRIx32 "\n", ~(size & ~15u) + 1, bar & ~15u);
    if (~(size & ~15u) + 1 != 0x100000)
        return 1;

    // IA32_LSTAR; the guest wants its own back.
    uint64_t own;
    expect("ReadMsr", ringhold_read_msr(session, 0xC0000082, &own), 0);
    expect("WriteMsr", ringhold_write_msr(session, 0xC0000082, 0x1234), 0);
    expect("ReadMsr", ringhold_read_msr(session, 0xC0000082, &msr), 0);
    expect("WriteMsr", ringhold_write_msr(session, 0xC0000082, own), 0);
    expect("WriteMsr, none", ringhold_write_msr(session, 0x12345678, 0), (HRESULT)0xD000000E);
    if (msr != 0x1234)
        return 1;

    // S_FALSE for a part of it, where the data spaces say S_OK.
    RingholdLocation end = {2ull << 56, 16 * 1024 * 1024 - 2};
    expect("WriteBytes, a part", ringhold_write_bytes(session, NULL, end, "abc", 3, &large), 1);
    if (large != 2)
        return 1;

    // One event for each write that came through: virtual, two of I/O, two of the BAR, two of the
    // MSR, physical.
    static const uint32_t wanted[] = {0, 3, 3, 5, 5, 4, 4, 1};
    uint32_t spaces[10];
    expect("ringhold_take_changes", ringhold_take_changes(session, spaces, 10, &count), 0);
    if (count != 8 || memcmp(spaces, wanted, sizeof wanted) != 0)
        return 1;

    expect("ringhold_run", ringhold_run(session, 100000000, &why, &value), 0);
    printf("  the guest ended with %u, for reason %u\n", value, why);
    char said[4096];
    expect("ringhold_take_output",
           ringhold_take_output(session, "com1", said, sizeof said - 1, &count), 0);
    said[count] = 0;
    if (why != 1 || value != 5)
        printf("%s", said);
    ringhold_destroy(session);
    ringhold_destroy(NULL);
    return why == 1 && value == 5 && strstr(said, "RINGHOLD-READY") != NULL ? 0 : 1;
}
