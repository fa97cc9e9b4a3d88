// Physical memory, control space, MSRs, and what the engine knows: sections 3.5, 3.6, 3.8 and
// 3.10 to 3.18 of the contract.
#include "target.h"

static void memory(Target &target) {
    BYTE bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8}, back[16];
    ULONG count = 0;
    moves("WritePhysical", target.spaces->WritePhysical(DATA, bytes, 16, &count), S_OK, count, 16);
    moves("ReadVirtual of it", target.spaces->ReadVirtual(VIRTUAL, back, 16, &count), S_OK, count, 16);
    is_true("the same bytes", memcmp(bytes, back, 16) == 0);
    HRESULT result = target.spaces->WritePhysical(RAM_END - 8, bytes, 16, &count);
    moves("WritePhysical over the end of RAM", result, S_OK, count, 8);
    result = target.spaces->ReadPhysical(RAM_END - 8, back, 16, &count);
    moves("ReadPhysical over the end of RAM", result, S_OK, count, 8);
    moves("WritePhysical where nothing is", target.spaces->WritePhysical(RAM_END, bytes, 16, &count), WRITE_FAULT, count, 0);
    moves("ReadPhysical where nothing is", target.spaces->ReadPhysical(RAM_END, back, 16, &count), READ_FAULT, count, 0);
    gives("WritePhysical without a buffer", target.spaces->WritePhysical(DATA, nullptr, 4, &count), E_INVALIDARG);
    gives("WritePhysical without a count", target.spaces->WritePhysical(DATA, bytes, 4, nullptr), S_OK);
    for (ULONG flags = DEBUG_PHYSICAL_DEFAULT; flags <= DEBUG_PHYSICAL_WRITE_COMBINED; flags++) {
        bytes[0] = static_cast<BYTE>(0xa0 + flags);
        result = target.spaces->WritePhysical2(DATA, flags, bytes, 8, &count);
        moves("WritePhysical2", result, S_OK, count, 8);
        result = target.spaces->ReadPhysical2(DATA, flags, back, 8, &count);
        moves("ReadPhysical2", result, S_OK, count, 8);
        same("what it wrote", back[0], bytes[0]);
    }
    result = target.spaces->WritePhysical2(DATA, 4, bytes, 8, &count);
    moves("WritePhysical2 with unknown flags", result, E_INVALIDARG, count, 0);

    // A register of the device answers with the inverse of what is written to it.
    ULONG value = 0x12345678;
    result = target.spaces->WritePhysical(target.edu + 4, &value, 4, &count);
    moves("WritePhysical to a device register", result, S_OK, count, 4);
    need("ReadPhysical", target.spaces->ReadPhysical(target.edu + 4, &value, 4, nullptr));
    same("the device's answer", value, ~0x12345678u);
    value = 0x0f0f0f0f;
    result = target.spaces->WriteVirtual(VIRTUAL + 4 * PAGE + 4, &value, 4, &count);
    moves("WriteVirtual to a device register", result, S_OK, count, 4);
    need("ReadVirtual", target.spaces->ReadVirtual(VIRTUAL + 4 * PAGE + 4, &value, 4, nullptr));
    same("the device's answer through a page", value, 0xf0f0f0f0);
}

static void large_transfers(Target &target) {
    constexpr ULONG SIZE = 1 << 20;
    BYTE *sent = static_cast<BYTE *>(malloc(SIZE)), *back = static_cast<BYTE *>(malloc(SIZE));
    for (ULONG i = 0; i < SIZE; i++) sent[i] = static_cast<BYTE>(i * 7 + (i >> 8));
    ULONG count = 0;
    moves("WriteVirtual of 1 MiB", target.spaces->WriteVirtual(LARGE_VIRTUAL + 3, sent, SIZE, &count), S_OK, count, SIZE);
    moves("ReadPhysical of 1 MiB", target.spaces->ReadPhysical(LARGE + 3, back, SIZE, &count), S_OK, count, SIZE);
    is_true("1 MiB is the same", memcmp(sent, back, SIZE) == 0);
    free(sent);
    free(back);
}

static void control_space(Target &target) {
    BYTE block[0x200], back[0x200];
    ULONG count = 0;
    HRESULT result = target.spaces->ReadControl(0, 2, block, 0xe0, &count);
    moves("ReadControl of the special registers", result, S_OK, count, 0xe0);
    ULONG64 cr0 = 0;
    memcpy(&cr0, block, sizeof cr0);
    is_true("CR0 says paging and protection", (cr0 & 0x80000001) == 0x80000001);
    // DR0 lies behind CR0, CR2, CR3 and CR4.
    ULONG64 dr0 = 0x123456789abc;
    memcpy(block + 32, &dr0, sizeof dr0);
    moves("WriteControl", target.spaces->WriteControl(0, 2, block, 0xe0, &count), S_OK, count, 0xe0);
    need("ReadControl", target.spaces->ReadControl(0, 2, back, 0xe0, nullptr));
    is_true("DR0 is what was written", memcmp(block, back, 0xe0) == 0);
    gives("ReadControl of a processor that is not there", target.spaces->ReadControl(7, 2, block, 8, &count), E_INVALIDARG);
    result = target.spaces->WriteControl(0, 0, block, 8, &count);
    is_true("WriteControl of the KPCR fails", FAILED(result) && count == 0);
}

static void model_specific_registers(Target &target) {
    constexpr ULONG LSTAR = 0xc0000082;
    ULONG64 before = 0, value = 0;
    gives("ReadMsr", target.spaces->ReadMsr(LSTAR, &before), S_OK);
    gives("WriteMsr", target.spaces->WriteMsr(LSTAR, 0xffffffff81234567), S_OK);
    moves("ReadMsr of it", target.spaces->ReadMsr(LSTAR, &value), S_OK, value, 0xffffffff81234567);
    gives("WriteMsr of an address that is not canonical", target.spaces->WriteMsr(LSTAR, 0x8000000000000000), NO_SUCH_DEVICE);
    gives("WriteMsr of the old value", target.spaces->WriteMsr(LSTAR, before), S_OK);
    gives("ReadMsr of none", target.spaces->ReadMsr(0x12345678, &value), NO_SUCH_DEVICE);
    gives("ReadMsr without a place", target.spaces->ReadMsr(LSTAR, nullptr), E_INVALIDARG);
}

static void engine_data(Target &target) {
    BYTE buffer[64];
    ULONG size = 0, levels = 0, speed = 0;
    gives("CheckLowMemory", target.spaces->CheckLowMemory(), E_NOTIMPL);
    HRESULT result = target.spaces->ReadDebuggerData(100080, &levels, 4, &size);
    moves("ReadDebuggerData(PagingLevels)", result, S_OK, levels, 4);
    result = target.spaces->ReadDebuggerData(100080, buffer, 2, &size);
    moves("ReadDebuggerData into too little room", result, S_FALSE, size, 4);
    gives("ReadDebuggerData(KernBase) without Windows", target.spaces->ReadDebuggerData(24, buffer, 8, &size), E_UNEXPECTED);
    gives("ReadDebuggerData of nothing", target.spaces->ReadDebuggerData(100081, buffer, 8, &size), E_INVALIDARG);
    result = target.spaces->ReadProcessorSystemData(0, 5, &speed, 4, &size);
    moves("ReadProcessorSystemData(PROCESSOR_SPEED)", result, S_OK, size, 4);
    is_true("a speed in MHz", speed > 0);
    gives("ReadProcessorSystemData of another processor",
          target.spaces->ReadProcessorSystemData(1, 5, buffer, 4, &size), E_INVALIDARG);
    gives("ReadHandleData", target.spaces->ReadHandleData(4, 0, buffer, 24, &size), E_UNEXPECTED);
    IMAGE_NT_HEADERS64 headers;
    gives("ReadImageNtHeaders of no image", target.spaces->ReadImageNtHeaders(VIRTUAL, &headers), E_INVALIDARG);

    ULONG64 handle = 0;
    GUID tag = {};
    ULONG tags = 0, total = 0;
    gives("StartEnumTagged", target.spaces->StartEnumTagged(&handle), S_OK);
    while (target.spaces->GetNextTagged(handle, &tag, &size) == S_OK && tags < 100) {
        tags++;
        result = target.spaces->ReadTagged(&tag, 0, nullptr, 0, &total);
        moves("ReadTagged of the size alone", result, S_OK, total, size);
    }
    is_true("there is a tag", tags > 0);
    gives("GetNextTagged at the end", target.spaces->GetNextTagged(handle, &tag, &size), S_FALSE);
    gives("EndEnumTagged", target.spaces->EndEnumTagged(handle), S_OK);
    gives("EndEnumTagged again", target.spaces->EndEnumTagged(handle), E_INVALIDARG);
    tag = IID_IUnknown;
    gives("ReadTagged of an unknown tag", target.spaces->ReadTagged(&tag, 0, buffer, 4, &total), E_NOINTERFACE);
    gives("ReadTagged without a tag", target.spaces->ReadTagged(nullptr, 0, buffer, 4, &total), E_INVALIDARG);
}

void test_physical(Target &target) {
    memory(target);
    large_transfers(target);
    control_space(target);
    model_specific_registers(target);
    engine_data(target);
}
