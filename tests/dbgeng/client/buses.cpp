// Ports and bus data: sections 3.7 and 3.9 of the contract.
#include "target.h"

constexpr ULONG ISA = 1, INTERNAL = 0, PCI_BUS = 5, PCI_CONFIGURATION = 4;

void test_io(Target &target) {
    IDebugDataSpaces4 *spaces = target.spaces;
    ULONG value = 0x5a, count = 0;
    BYTE mask = 0;
    // The mask of the second interrupt controller.
    need("ReadIo", spaces->ReadIo(ISA, 0, 1, 0xa1, &mask, 1, nullptr));
    moves("WriteIo of 1 byte", spaces->WriteIo(ISA, 0, 1, 0xa1, &value, 1, &count), S_OK, count, 1);
    value = 0;
    moves("ReadIo of 1 byte", spaces->ReadIo(INTERNAL, 0, 1, 0xa1, &value, 1, &count), S_OK, count, 1);
    same("the mask holds", value, 0x5a);
    gives("WriteIo of the old mask", spaces->WriteIo(PCI_BUS, 0, 1, 0xa1, &mask, 1, nullptr), S_OK);
    // The address port of configuration space takes four bytes, and gives them back.
    value = 0x80001000;
    moves("WriteIo of 4 bytes", spaces->WriteIo(ISA, 0, 1, 0xcf8, &value, 4, &count), S_OK, count, 4);
    value = 0;
    moves("ReadIo of 4 bytes", spaces->ReadIo(ISA, 0, 1, 0xcf8, &value, 4, &count), S_OK, count, 4);
    same("the address port", value, 0x80001000);
    value = 0;
    moves("ReadIo of 2 bytes", spaces->ReadIo(ISA, 0, 1, 0xcfc, &value, 2, &count), S_OK, count, 2);
    value = 0;
    moves("ReadIo where nothing is", spaces->ReadIo(ISA, 0, 1, 0x1000, &value, 4, &count), S_OK, count, 4);
    same("it reads all ones", value, 0xffffffff);
    moves("WriteIo where nothing is", spaces->WriteIo(ISA, 0, 1, 0x1000, &value, 2, &count), S_OK, count, 2);
    for (ULONG size : {3, 5, 8}) {
        moves("WriteIo of an odd size", spaces->WriteIo(ISA, 0, 1, 0x80, &value, size, &count), E_INVALIDARG, count, 0);
        moves("ReadIo of an odd size", spaces->ReadIo(ISA, 0, 1, 0x80, &value, size, &count), E_INVALIDARG, count, 0);
    }
    for (ULONG space : {0, 2}) {
        moves("WriteIo of another address space", spaces->WriteIo(ISA, 0, space, 0x80, &value, 1, &count), E_INVALIDARG, count, 0);
    }
    moves("WriteIo of another bus", spaces->WriteIo(ISA, 1, 1, 0x80, &value, 1, &count), E_INVALIDARG, count, 0);
    moves("WriteIo of another interface", spaces->WriteIo(4, 0, 1, 0x80, &value, 1, &count), E_INVALIDARG, count, 0);
    moves("WriteIo behind the last port", spaces->WriteIo(ISA, 0, 1, 0x10000, &value, 1, &count), E_INVALIDARG, count, 0);
    moves("WriteIo of a misaligned port", spaces->WriteIo(ISA, 0, 1, 0x81, &value, 2, &count), MISALIGNED, count, 0);
    gives("WriteIo without a buffer", spaces->WriteIo(ISA, 0, 1, 0x80, nullptr, 1, &count), E_INVALIDARG);
}

static ULONG config(Target &target, ULONG offset) {
    ULONG value = 0;
    need("ReadBusData", target.spaces->ReadBusData(PCI_CONFIGURATION, 0, EDU_SLOT, offset, &value, 4, nullptr));
    return value;
}

static HRESULT set_config(Target &target, ULONG offset, ULONG value, ULONG size, ULONG *count) {
    return target.spaces->WriteBusData(PCI_CONFIGURATION, 0, EDU_SLOT, offset, &value, size, count);
}

static void fields(Target &target) {
    ULONG count = 0, ids = config(target, 0);
    same("the device behind slot 0x22", ids, 0x11e81234);
    moves("WriteBusData of the identification", set_config(target, 0, 0, 4, &count), S_OK, count, 4);
    same("it is read-only", config(target, 0), ids);
    ULONG line = config(target, 0x3c);
    moves("WriteBusData of the interrupt line", set_config(target, 0x3c, 0x0b, 1, &count), S_OK, count, 1);
    same("its neighbours are as before", config(target, 0x3c), (line & ~0xffu) | 0x0b);
    // Bits 8 and 11 to 15 of the status clear by writing ones; there is nothing to clear here.
    ULONG status = config(target, 4);
    moves("WriteBusData of the status", set_config(target, 6, 0xf900, 2, &count), S_OK, count, 2);
    same("the status", config(target, 4), status & ~0xf9000000u);
    moves("WriteBusData over the end", set_config(target, 0xff, 0, 4, &count), S_OK, count, 1);
}

static void base_addresses(Target &target) {
    ULONG count = 0, bar = config(target, 0x10), elsewhere = 0xe0000000, value = 0;
    moves("WriteBusData of all ones to a BAR", set_config(target, 0x10, ~0u, 4, &count), S_OK, count, 4);
    same("the size of its window", ~(config(target, 0x10) & ~15u) + 1, 0x100000);
    gives("WriteBusData of a new BAR", set_config(target, 0x10, elsewhere, 4, &count), S_OK);
    // With the window there the register answers, and nothing does where it was.
    gives("ReadPhysical of the new window", target.spaces->ReadPhysical(elsewhere, &value, 4, nullptr), S_OK);
    same("the device's identification", value, 0x010000ed);
    gives("ReadPhysical of the old window", target.spaces->ReadPhysical(bar & ~15u, &value, 4, nullptr), READ_FAULT);
    gives("WriteBusData of the old BAR", set_config(target, 0x10, bar, 4, &count), S_OK);
    gives("ReadPhysical of the window", target.spaces->ReadPhysical(bar & ~15u, &value, 4, nullptr), S_OK);
}

void test_bus_data(Target &target) {
    fields(target);
    base_addresses(target);
    IDebugDataSpaces4 *spaces = target.spaces;
    ULONG value = 0, count = 0;
    // 2 << 3 | 1 is what hardware calls this function, and no slot number of it.
    HRESULT result = spaces->ReadBusData(PCI_CONFIGURATION, 0, 0x11, 0, &value, 4, &count);
    moves("ReadBusData of an absent function", result, S_OK, count, 2);
    same("its vendor", value, 0xffff);
    result = spaces->WriteBusData(PCI_CONFIGURATION, 0, 0x11, 0, &value, 4, &count);
    moves("WriteBusData of an absent function", result, UNSUCCESSFUL, count, 0);
    result = spaces->WriteBusData(PCI_CONFIGURATION, 9, EDU_SLOT, 0, &value, 4, &count);
    moves("WriteBusData of an absent bus", result, UNSUCCESSFUL, count, 0);
    result = spaces->WriteBusData(1, 0, EDU_SLOT, 0, &value, 4, &count);
    moves("WriteBusData of EISA", result, E_NOTIMPL, count, 0);
    result = spaces->WriteBusData(12, 0, EDU_SLOT, 0, &value, 4, &count);
    moves("WriteBusData of no type", result, E_INVALIDARG, count, 0);
}
