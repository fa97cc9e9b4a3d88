// IDebugHostMemory: section 5.1 of the contract.
#include "target.h"

static void virtual_places(Target &target) {
    IDebugHostMemory2 *memory = target.memory;
    BYTE bytes[32] = {9, 8, 7}, back[32];
    ULONG64 count = 0;
    Location before_hole = {0, HOLE - 16};
    moves("WriteBytes of all", memory->WriteBytes(nullptr, {0, VIRTUAL}, bytes, 32, &count), S_OK, count, 32);
    moves("WriteBytes up to a hole", memory->WriteBytes(nullptr, before_hole, bytes, 32, &count), S_FALSE, count, 16);
    moves("ReadBytes up to a hole", memory->ReadBytes(nullptr, before_hole, back, 32, &count), S_FALSE, count, 16);
    is_true("the bytes before the hole", memcmp(bytes, back, 16) == 0);
    moves("WriteBytes into a hole", memory->WriteBytes(nullptr, {0, HOLE}, bytes, 32, &count), WRITE_FAULT, count, 0);
    moves("ReadBytes of a hole", memory->ReadBytes(nullptr, {0, HOLE}, back, 32, &count), READ_FAULT, count, 0);
    moves("WriteBytes of nothing", memory->WriteBytes(nullptr, {0, HOLE}, nullptr, 0, &count), S_OK, count, 0);
    gives("WriteBytes without a count", memory->WriteBytes(nullptr, {0, VIRTUAL}, bytes, 32, nullptr), S_OK);
    gives("WriteBytes without a buffer", memory->WriteBytes(nullptr, {0, VIRTUAL}, nullptr, 32, &count), E_INVALIDARG);
    gives("WriteBytes to no kind of place", memory->WriteBytes(nullptr, {0x77ull << 56, 0}, bytes, 1, &count), E_INVALIDARG);
    ULONG64 pointers[2] = {0x1234, 0xffff800000000000}, read[2] = {};
    gives("WritePointers", memory->WritePointers(nullptr, {0, VIRTUAL}, 2, pointers), S_OK);
    gives("ReadPointers", memory->ReadPointers(nullptr, {0, VIRTUAL}, 2, read), S_OK);
    is_true("the pointers", memcmp(pointers, read, sizeof read) == 0);
}

static void other_places(Target &target) {
    IDebugHostMemory2 *memory = target.memory;
    ULONG64 value = 0x1122334455667788, back = 0, count = 0;
    moves("WriteBytes to a physical address", memory->WriteBytes(nullptr, {PHYSICAL_PLACE, DATA}, &value, 8, &count), S_OK, count, 8);
    same("what is there", target.get64(DATA), value);
    BYTE mask = 0;
    moves("ReadBytes of a port", memory->ReadBytes(nullptr, {PORT_PLACE, 0xa1}, &mask, 1, &count), S_OK, count, 1);
    moves("WriteBytes to a port", memory->WriteBytes(nullptr, {PORT_PLACE, 0xa1}, &mask, 1, &count), S_OK, count, 1);
    gives("WriteBytes of 3 bytes to a port", memory->WriteBytes(nullptr, {PORT_PLACE, 0xa1}, &value, 3, &count), E_INVALIDARG);
    moves("ReadBytes of configuration space",
          memory->ReadBytes(nullptr, {CONFIG_PLACE | EDU_SLOT, 0}, &back, 4, &count), S_OK, count, 4);
    same("the device's identification", back, 0x11e81234);
    BYTE line = 0x0c;
    moves("WriteBytes to configuration space",
          memory->WriteBytes(nullptr, {CONFIG_PLACE | EDU_SLOT, 0x3c}, &line, 1, &count), S_OK, count, 1);
    constexpr ULONG64 LSTAR = 0xc0000082;
    ULONG64 before = 0, entry = 0xffffffff80123456;
    moves("ReadBytes of an MSR", memory->ReadBytes(nullptr, {MSR_PLACE | LSTAR, 0}, &before, 8, &count), S_OK, count, 8);
    moves("WriteBytes to an MSR", memory->WriteBytes(nullptr, {MSR_PLACE | LSTAR, 0}, &entry, 8, &count), S_OK, count, 8);
    need("ReadMsr", target.spaces->ReadMsr(static_cast<ULONG>(LSTAR), &back));
    same("the MSR", back, entry);
    ULONG64 ones = ~0ull;
    moves("WriteBytes over the end of an MSR", memory->WriteBytes(nullptr, {MSR_PLACE | LSTAR, 4}, &ones, 8, &count), S_FALSE, count, 4);
    need("WriteMsr", target.spaces->WriteMsr(static_cast<ULONG>(LSTAR), before));
    // The register with number 3 is RBX.
    ULONG index = 0;
    DEBUG_VALUE seen = {};
    need("GetIndexByName", target.registers->GetIndexByName("rbx", &index));
    need("GetValue", target.registers->GetValue(index, &seen));
    ULONG64 rbx = 0;
    moves("ReadBytes of a register", memory->ReadBytes(nullptr, {REGISTER_PLACE | 3, 0}, &rbx, 8, &count), S_OK, count, 8);
    same("RBX", rbx, seen.I64);
    moves("WriteBytes to a register", memory->WriteBytes(nullptr, {REGISTER_PLACE | 3, 0}, &value, 8, &count), S_OK, count, 8);
    need("GetValue", target.registers->GetValue(index, &seen));
    same("RBX as written", seen.I64, value);
    moves("WriteBytes of the old RBX", memory->WriteBytes(nullptr, {REGISTER_PLACE | 3, 0}, &rbx, 8, &count), S_OK, count, 8);
}

void test_host_memory(Target &target) {
    virtual_places(target);
    other_places(target);
    BSTR name = nullptr;
    gives("GetDisplayStringForLocation", target.memory->GetDisplayStringForLocation(nullptr, {PORT_PLACE, 0x3f8}, false, &name), S_OK);
    is_true("it names the port", name && wcsstr(name, L"3f8"));
    SysFreeString(name);
    Location linear = {};
    gives("LinearizeLocation of an address", target.memory->LinearizeLocation(nullptr, {0, VIRTUAL}, &linear), S_OK);
    same("it is the address", linear.Offset, VIRTUAL);
    gives("LinearizeLocation of a register", target.memory->LinearizeLocation(nullptr, {REGISTER_PLACE | 3, 0}, &linear), E_FAIL);
    IDebugHostContext *context = nullptr;
    need("IDebugHostContext", target.memory->QueryInterface(IID_IDebugHostContext, reinterpret_cast<void **>(&context)));
    ULONG64 count = 0;
    BYTE byte = 0;
    moves("ReadBytes in the current context", target.memory->ReadBytes(context, {0, VIRTUAL}, &byte, 1, &count), S_OK, count, 1);
    bool equal = false;
    gives("IsEqualTo", context->IsEqualTo(context, &equal), S_OK);
    is_true("a context is itself", equal);
    context->Release();
}
