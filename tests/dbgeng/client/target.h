// The machine under test as the client sees it, and page tables of the test's own in its memory.
//
// The tables lie in memory that the guest has no use for, and are selected as the implicit
// process. They map, from `VIRTUAL` on:
//
//   page 0   writable
//   page 1   read-only
//   page 2   nothing
//   page 3   writable
//   page 4   the window of the educational device
//   2 MiB    one large writable page
#pragma once
#include "../check.h"

constexpr ULONG64 ROOT = 0x3000000;
constexpr ULONG64 TABLE = ROOT + 0x3000;
constexpr ULONG64 DATA = 0x3010000;
constexpr ULONG64 LARGE = 0x3200000;
constexpr ULONG64 VIRTUAL = 0x8000000000;
constexpr ULONG64 LARGE_VIRTUAL = VIRTUAL + 0x200000;
constexpr ULONG64 PAGE = 0x1000;
constexpr ULONG64 HOLE = VIRTUAL + 2 * PAGE;
constexpr ULONG64 RAM_END = 0x4000000;

// The educational device: 00:02.1, so that its slot number is none of a plain device.
constexpr ULONG EDU_SLOT = 0x22;

// Kinds of places of IDebugHostMemory.
constexpr ULONG64 REGISTER_PLACE = 1ull << 56, PHYSICAL_PLACE = 2ull << 56, PORT_PLACE = 3ull << 56,
                  CONFIG_PLACE = 4ull << 56, MSR_PLACE = 5ull << 56;

// Everything that the client asks the engine for.
struct Target {
    IDebugClient *client = nullptr;
    IDebugControl3 *control = nullptr;
    IDebugDataSpaces4 *spaces = nullptr;
    IDebugHostMemory2 *memory = nullptr;
    IDebugRegisters *registers = nullptr;
    IDebugSystemObjects3 *objects = nullptr;
    // Where the device's registers are.
    ULONG64 edu = 0;

    void open();
    void close();
    void put64(ULONG64 physical, ULONG64 value);
    ULONG64 get64(ULONG64 physical);
    void make_tables();
    // Lets the guest run for so many of its milliseconds, then stops it.
    void run(ULONG milliseconds);
};

inline void Target::open() {
    need("DebugCreate", DebugCreate(IID_IDebugClient, reinterpret_cast<void **>(&client)));
    need("IDebugControl3", client->QueryInterface(IID_IDebugControl3, reinterpret_cast<void **>(&control)));
    need("IDebugDataSpaces4", client->QueryInterface(IID_IDebugDataSpaces4, reinterpret_cast<void **>(&spaces)));
    need("IDebugHostMemory2", client->QueryInterface(IID_IDebugHostMemory2, reinterpret_cast<void **>(&memory)));
    need("IDebugRegisters", client->QueryInterface(IID_IDebugRegisters, reinterpret_cast<void **>(&registers)));
    need("IDebugSystemObjects3", client->QueryInterface(IID_IDebugSystemObjects3, reinterpret_cast<void **>(&objects)));
}

inline void Target::close() {
    IUnknown *all[] = {objects, registers, memory, spaces, control, client};
    for (IUnknown *one : all) one->Release();
}

inline void Target::put64(ULONG64 physical, ULONG64 value) {
    ULONG written = 0;
    need("WritePhysical", spaces->WritePhysical(physical, &value, sizeof value, &written));
}

inline ULONG64 Target::get64(ULONG64 physical) {
    ULONG64 value = 0;
    need("ReadPhysical", spaces->ReadPhysical(physical, &value, sizeof value, nullptr));
    return value;
}

inline void Target::make_tables() {
    ULONG bar = 0;
    need("ReadBusData", spaces->ReadBusData(4, 0, EDU_SLOT, 0x10, &bar, sizeof bar, nullptr));
    edu = bar & ~15u;
    // Bits 0, 1, 2 and 7 of an entry: present, writable, user, large.
    put64(ROOT + 8, (ROOT + 0x1000) | 7);
    put64(ROOT + 0x1000, (ROOT + 0x2000) | 7);
    put64(ROOT + 0x2000, TABLE | 7);
    put64(ROOT + 0x2008, LARGE | 0x87);
    put64(TABLE + 0 * 8, DATA | 7);
    put64(TABLE + 1 * 8, (DATA + PAGE) | 5);
    put64(TABLE + 3 * 8, (DATA + 3 * PAGE) | 7);
    put64(TABLE + 4 * 8, edu | 7);
    need("SetImplicitProcessDataOffset", objects->SetImplicitProcessDataOffset(ROOT));
}

inline void Target::run(ULONG milliseconds) {
    gives("SetExecutionStatus(GO)", control->SetExecutionStatus(1), S_OK);
    gives("WaitForEvent that times out", control->WaitForEvent(0, milliseconds), S_FALSE);
    gives("SetInterrupt", control->SetInterrupt(0), S_OK);
    gives("WaitForEvent for the interrupt", control->WaitForEvent(0, INFINITE), S_OK);
}
