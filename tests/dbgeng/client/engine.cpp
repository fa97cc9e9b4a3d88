// Objects, callbacks, registers, and a target that runs: sections 1, 2.3 and 5 of the contract.
#include "../callbacks.h"
#include "target.h"

// Every way from one interface of an object to another leads to the same identity.
void test_identity(Target &target) {
    const GUID *iids[] = {&IID_IUnknown,          &IID_IDebugDataSpaces,  &IID_IDebugDataSpaces2,
                          &IID_IDebugDataSpaces3, &IID_IDebugDataSpaces4, &IID_IDebugClient,
                          &IID_IDebugControl3,    &IID_IDebugRegisters,   &IID_IDebugHostMemory};
    IUnknown *identity = nullptr;
    need("IUnknown", target.client->QueryInterface(IID_IUnknown, reinterpret_cast<void **>(&identity)));
    for (const GUID *from : iids) {
        IUnknown *first = nullptr;
        need("QueryInterface", target.spaces->QueryInterface(*from, reinterpret_cast<void **>(&first)));
        for (const GUID *to : iids) {
            IUnknown *second = nullptr, *unknown = nullptr;
            gives("QueryInterface", first->QueryInterface(*to, reinterpret_cast<void **>(&second)), S_OK);
            gives("QueryInterface for IUnknown", second->QueryInterface(IID_IUnknown, reinterpret_cast<void **>(&unknown)), S_OK);
            is_true("one identity", unknown == identity);
            unknown->Release();
            second->Release();
        }
        first->Release();
    }
    identity->Release();
    void *none = &none;
    gives("QueryInterface for what is not there", target.spaces->QueryInterface(IID_IDebugInputCallbacks, &none), E_NOINTERFACE);
    is_true("it gives null", none == nullptr);
    gives("DebugCreate of what is not there", DebugCreate(IID_IDebugInputCallbacks, &none), E_NOINTERFACE);
    gives("DebugCreate without a place", DebugCreate(IID_IDebugClient, nullptr), E_INVALIDARG);
    gives("DebugConnect with wrong options", DebugConnect("npipe:server=x", IID_IDebugClient, &none), E_INVALIDARG);
    gives("DebugCreateEx", DebugCreateEx(IID_IDebugClient, 0, &none), S_OK);
    same("references that are left", static_cast<IUnknown *>(none)->Release(), 0);
    gives("a method that is not implemented", target.client->OpenDumpFile("x"), E_NOTIMPL);
}

void test_properties(Target &target) {
    ULONG a = 0, b = 9;
    gives("GetDebuggeeType", target.control->GetDebuggeeType(&a, &b), S_OK);
    same("a kernel", a, 1);
    same("by a connection", b, 0);
    moves("GetActualProcessorType", target.control->GetActualProcessorType(&a), S_OK, a, 0x8664);
    moves("GetNumberProcessors", target.control->GetNumberProcessors(&a), S_OK, a, 1);
    moves("GetPageSize", target.control->GetPageSize(&a), S_OK, a, 4096);
    moves("GetExecutionStatus", target.control->GetExecutionStatus(&a), S_OK, a, 6);
    moves("GetNumberThreads", target.objects->GetNumberThreads(&a), S_OK, a, 1);
    moves("GetCurrentThreadId", target.objects->GetCurrentThreadId(&a), S_OK, a, 0);
    is_true("SetCurrentThreadId of none fails", FAILED(target.objects->SetCurrentThreadId(3)));
    gives("GetDebuggeeType without places", target.control->GetDebuggeeType(nullptr, nullptr), E_INVALIDARG);
}

void test_registers(Target &target) {
    ULONG count = 0, rax = 0, al = 0;
    gives("GetNumberRegisters", target.registers->GetNumberRegisters(&count), S_OK);
    gives("GetIndexByName", target.registers->GetIndexByName("rax", &rax), S_OK);
    gives("GetIndexByName of none", target.registers->GetIndexByName("rzz", &al), E_NOINTERFACE);
    char name[16] = "";
    ULONG size = 0;
    DEBUG_REGISTER_DESCRIPTION description = {};
    gives("GetDescription", target.registers->GetDescription(rax, name, sizeof name, &size, &description), S_OK);
    is_true("its name", strcmp(name, "rax") == 0 && size == 4);
    same("its type", description.Type, DEBUG_VALUE_INT64);
    DEBUG_VALUE before = {}, value = {}, after = {};
    gives("GetValue", target.registers->GetValue(rax, &before), S_OK);
    value.I64 = 0x1122334455667788;
    value.Type = DEBUG_VALUE_INT64;
    gives("SetValue", target.registers->SetValue(rax, &value), S_OK);
    gives("GetValue", target.registers->GetValue(rax, &after), S_OK);
    same("the register", after.I64, value.I64);
    gives("SetValue of the old one", target.registers->SetValue(rax, &before), S_OK);
    ULONG indices[2] = {rax, rax};
    DEBUG_VALUE values[2] = {};
    gives("GetValues", target.registers->GetValues(2, indices, 0, values), S_OK);
    same("the second value", values[1].I64, before.I64);
    gives("GetValue of none", target.registers->GetValue(count, &value), E_INVALIDARG);
    gives("GetValue without a place", target.registers->GetValue(rax, nullptr), E_INVALIDARG);
    ULONG64 rip = 0;
    gives("GetInstructionOffset", target.registers->GetInstructionOffset(&rip), S_OK);
    is_true("an address", rip != 0);
}

// Counts what is told.
struct Events : QuietCallbacks {
    ULONG data = 0, registers = 0, running = 0, stopped = 0;
    ULONG64 space = 99;

    STDMETHOD(GetInterestMask)(PULONG mask) {
        *mask = DEBUG_EVENT_CHANGE_DEBUGGEE_STATE | DEBUG_EVENT_CHANGE_ENGINE_STATE;
        return S_OK;
    }
    STDMETHOD(ChangeDebuggeeState)(ULONG flags, ULONG64 argument) {
        if (flags == 2) data++, space = argument;
        if (flags == 1) registers++;
        return S_OK;
    }
    STDMETHOD(ChangeEngineState)(ULONG flags, ULONG64 argument) {
        // The execution status: GO or BREAK.
        if (flags & 0x10 && argument == 1) running++;
        if (flags & 0x10 && argument == 6) stopped++;
        return S_OK;
    }
    STDMETHOD(ChangeSymbolState)(ULONG, ULONG64) { return S_OK; }

    // One write has been told, of this space.
    void told(const char *what, ULONG64 expected) {
        same(what, data, 1);
        same(what, space, expected);
        data = 0;
    }
};

struct Listener : IDebugOutputCallbacks {
    char heard[256] = "";

    STDMETHOD(QueryInterface)(REFIID, PVOID *) { return E_NOINTERFACE; }
    STDMETHOD_(ULONG, AddRef)() { return 2; }
    STDMETHOD_(ULONG, Release)() { return 1; }
    STDMETHOD(Output)(ULONG mask, PCSTR text) {
        snprintf(heard, sizeof heard, "%lu:%s", mask, text);
        return S_OK;
    }
};

void test_callbacks(Target &target) {
    Events events;
    BYTE byte = 0x5a;
    ULONG64 value = 0;
    need("SetEventCallbacks", target.client->SetEventCallbacks(&events));
    need("WriteVirtual", target.spaces->WriteVirtual(VIRTUAL, &byte, 1, nullptr));
    events.told("WriteVirtual is told", 0);
    need("WriteVirtualUncached", target.spaces->WriteVirtualUncached(VIRTUAL, &byte, 1, nullptr));
    events.told("WriteVirtualUncached is told", 0);
    need("FillVirtual", target.spaces->FillVirtual(VIRTUAL, 8, &byte, 1, nullptr));
    events.told("FillVirtual is told", 0);
    need("WritePhysical", target.spaces->WritePhysical(DATA, &byte, 1, nullptr));
    events.told("WritePhysical is told", 1);
    need("WritePhysical2", target.spaces->WritePhysical2(DATA, 2, &byte, 1, nullptr));
    events.told("WritePhysical2 is told", 1);
    need("ReadControl", target.spaces->ReadControl(0, 2, &value, 8, nullptr));
    need("WriteControl", target.spaces->WriteControl(0, 2, &value, 8, nullptr));
    events.told("WriteControl is told", 2);
    need("WriteIo", target.spaces->WriteIo(1, 0, 1, 0x80, &byte, 1, nullptr));
    events.told("WriteIo is told", 3);
    need("ReadMsr", target.spaces->ReadMsr(0xc0000082, &value));
    need("WriteMsr", target.spaces->WriteMsr(0xc0000082, value));
    events.told("WriteMsr is told", 4);
    need("WriteBusData", target.spaces->WriteBusData(4, 0, EDU_SLOT, 0x3c, &byte, 1, nullptr));
    events.told("WriteBusData is told", 5);
    need("WriteBytes", target.memory->WriteBytes(nullptr, {PHYSICAL_PLACE, DATA}, &byte, 1, nullptr));
    events.told("WriteBytes is told", 1);
    target.spaces->WriteVirtual(HOLE, &byte, 1, nullptr);
    need("ReadVirtual", target.spaces->ReadVirtual(VIRTUAL, &byte, 1, nullptr));
    same("neither failures nor reads are told", events.data, 0);
    need("SetEventCallbacks", target.client->SetEventCallbacks(nullptr));

    Listener listener;
    IDebugClient *second = nullptr;
    IDebugOutputCallbacks *found = nullptr;
    need("CreateClient", target.client->CreateClient(&second));
    need("SetOutputCallbacks", second->SetOutputCallbacks(&listener));
    gives("GetOutputCallbacks", second->GetOutputCallbacks(&found), S_OK);
    is_true("they are what was set", found == &listener);
    gives("Output", target.control->Output(DEBUG_OUTPUT_NORMAL, "%s %I64x %d\n", "text", 0x123456789abcull, -5), S_OK);
    is_true("all clients hear it", strcmp(listener.heard, "1:text 123456789abc -5\n") == 0);
    gives("ControlledOutput for this client", target.control->ControlledOutput(0, DEBUG_OUTPUT_ERROR, "alone"), S_OK);
    is_true("another does not hear it", strcmp(listener.heard, "1:text 123456789abc -5\n") == 0);
    gives("ControlledOutput for all", target.control->ControlledOutput(1, DEBUG_OUTPUT_ERROR, "all"), S_OK);
    is_true("others hear it", strcmp(listener.heard, "2:all") == 0);
    need("SetOutputMask", second->SetOutputMask(DEBUG_OUTPUT_WARNING));
    gives("Output", target.control->Output(DEBUG_OUTPUT_NORMAL, "quiet"), S_OK);
    is_true("the mask holds it back", strcmp(listener.heard, "2:all") == 0);
    need("SetOutputCallbacks", second->SetOutputCallbacks(nullptr));
    same("references that are left", second->Release(), 0);
}

// With the target running, every method of the data spaces says so and changes nothing.
static void refused_while_running(Target &target) {
    IDebugDataSpaces4 *spaces = target.spaces;
    BYTE bytes[64] = {};
    ULONG64 wide[2] = {};
    ULONG count = 77, size = 0;
    ULONG64 count64 = 77;
    GUID tag = {};
    wchar_t text[8];
    MEMORY_BASIC_INFORMATION64 info;
    IMAGE_NT_HEADERS64 headers;
    auto refused = [](const char *what, HRESULT result) { gives(what, result, E_UNEXPECTED); };
    refused("ReadVirtual", spaces->ReadVirtual(VIRTUAL, bytes, 8, &count));
    same("its count", count, 0);
    refused("WriteVirtual", spaces->WriteVirtual(VIRTUAL, bytes, 8, &count));
    refused("SearchVirtual", spaces->SearchVirtual(VIRTUAL, 64, bytes, 1, 1, wide));
    refused("ReadVirtualUncached", spaces->ReadVirtualUncached(VIRTUAL, bytes, 8, &count));
    refused("WriteVirtualUncached", spaces->WriteVirtualUncached(VIRTUAL, bytes, 8, &count));
    refused("ReadPointersVirtual", spaces->ReadPointersVirtual(1, VIRTUAL, wide));
    refused("WritePointersVirtual", spaces->WritePointersVirtual(1, VIRTUAL, wide));
    refused("ReadPhysical", spaces->ReadPhysical(DATA, bytes, 8, &count));
    refused("WritePhysical", spaces->WritePhysical(DATA, bytes, 8, &count));
    refused("ReadControl", spaces->ReadControl(0, 2, bytes, 8, &count));
    refused("WriteControl", spaces->WriteControl(0, 2, bytes, 8, &count));
    refused("ReadIo", spaces->ReadIo(1, 0, 1, 0x80, bytes, 1, &count));
    refused("WriteIo", spaces->WriteIo(1, 0, 1, 0x80, bytes, 1, &count));
    refused("ReadMsr", spaces->ReadMsr(0xc0000082, wide));
    refused("WriteMsr", spaces->WriteMsr(0xc0000082, 0));
    refused("ReadBusData", spaces->ReadBusData(4, 0, EDU_SLOT, 0, bytes, 4, &count));
    refused("WriteBusData", spaces->WriteBusData(4, 0, EDU_SLOT, 0x3c, bytes, 1, &count));
    refused("CheckLowMemory", spaces->CheckLowMemory());
    refused("ReadDebuggerData", spaces->ReadDebuggerData(100080, bytes, 4, &size));
    refused("ReadProcessorSystemData", spaces->ReadProcessorSystemData(0, 5, bytes, 4, &size));
    refused("VirtualToPhysical", spaces->VirtualToPhysical(VIRTUAL, wide));
    refused("GetVirtualTranslationPhysicalOffsets", spaces->GetVirtualTranslationPhysicalOffsets(VIRTUAL, wide, 2, &count));
    refused("ReadHandleData", spaces->ReadHandleData(4, 0, bytes, 4, &size));
    refused("FillVirtual", spaces->FillVirtual(VIRTUAL, 8, bytes, 1, &count));
    refused("FillPhysical", spaces->FillPhysical(DATA, 8, bytes, 1, &count));
    refused("QueryVirtual", spaces->QueryVirtual(VIRTUAL, &info));
    refused("ReadImageNtHeaders", spaces->ReadImageNtHeaders(VIRTUAL, &headers));
    refused("ReadTagged", spaces->ReadTagged(&tag, 0, bytes, 4, &size));
    refused("StartEnumTagged", spaces->StartEnumTagged(wide));
    refused("GetNextTagged", spaces->GetNextTagged(1, &tag, &size));
    refused("EndEnumTagged", spaces->EndEnumTagged(1));
    refused("GetOffsetInformation", spaces->GetOffsetInformation(0, 1, VIRTUAL, bytes, 4, &size));
    refused("GetNextDifferentlyValidOffsetVirtual", spaces->GetNextDifferentlyValidOffsetVirtual(VIRTUAL, wide));
    refused("GetValidRegionVirtual", spaces->GetValidRegionVirtual(VIRTUAL, 8, wide, &size));
    refused("SearchVirtual2", spaces->SearchVirtual2(VIRTUAL, 64, 0, bytes, 1, 1, wide));
    refused("ReadMultiByteStringVirtual", spaces->ReadMultiByteStringVirtual(VIRTUAL, 8, reinterpret_cast<char *>(bytes), 8, &size));
    refused("ReadMultiByteStringVirtualWide", spaces->ReadMultiByteStringVirtualWide(VIRTUAL, 8, CP_UTF8, text, 8, &size));
    refused("ReadUnicodeStringVirtual", spaces->ReadUnicodeStringVirtual(VIRTUAL, 8, CP_UTF8, reinterpret_cast<char *>(bytes), 8, &size));
    refused("ReadUnicodeStringVirtualWide", spaces->ReadUnicodeStringVirtualWide(VIRTUAL, 8, text, 8, &size));
    refused("ReadPhysical2", spaces->ReadPhysical2(DATA, 0, bytes, 8, &count));
    refused("WritePhysical2", spaces->WritePhysical2(DATA, 0, bytes, 8, &count));
    refused("ReadBytes", target.memory->ReadBytes(nullptr, {0, VIRTUAL}, bytes, 8, &count64));
    refused("WriteBytes", target.memory->WriteBytes(nullptr, {PHYSICAL_PLACE, DATA}, bytes, 8, &count64));
    same("its count", count64, 0);
}

void test_running(Target &target) {
    ULONG status = 0;
    Events events;
    need("SetEventCallbacks", target.client->SetEventCallbacks(&events));
    ULONG64 marker = 0x600dc0de;
    target.put64(DATA + 0x800, marker);
    gives("WaitForEvent with nothing to wait for", target.control->WaitForEvent(0, 0), E_UNEXPECTED);
    gives("SetExecutionStatus(GO)", target.control->SetExecutionStatus(1), S_OK);
    moves("GetExecutionStatus before the wait", target.control->GetExecutionStatus(&status), S_OK, status, 1);
    gives("WaitForEvent that times out", target.control->WaitForEvent(0, 5), S_FALSE);
    same("running is told", events.running, 1);
    gives("SetExecutionStatus while running", target.control->SetExecutionStatus(1), E_ACCESSDENIED);
    refused_while_running(target);
    gives("SetInterrupt", target.control->SetInterrupt(0), S_OK);
    gives("WaitForEvent for the interrupt", target.control->WaitForEvent(0, INFINITE), S_OK);
    same("stopping is told", events.stopped, 1);
    moves("GetExecutionStatus when stopped", target.control->GetExecutionStatus(&status), S_OK, status, 6);
    same("nothing was changed meanwhile", target.get64(DATA + 0x800), marker);
    ULONG type = 0, process = 0, thread = 0, used = 0;
    char description[100] = "";
    gives("GetLastEventInformation",
          target.control->GetLastEventInformation(&type, &process, &thread, nullptr, 0, nullptr, description, 100, &used), S_OK);
    same("it was an exception", type, DEBUG_EVENT_EXCEPTION);
    is_true("it is described", strlen(description) + 1 == used);
    ULONG64 before = 0, after = 0;
    need("GetInstructionOffset", target.registers->GetInstructionOffset(&before));
    gives("SetExecutionStatus(STEP_INTO)", target.control->SetExecutionStatus(5), S_OK);
    gives("WaitForEvent for a step", target.control->WaitForEvent(0, INFINITE), S_OK);
    need("GetInstructionOffset", target.registers->GetInstructionOffset(&after));
    need("SetEventCallbacks", target.client->SetEventCallbacks(nullptr));
}

// SetInterrupt from another thread ends a wait that would last for ever.
static DWORD WINAPI interrupt(void *control) {
    Sleep(200);
    return static_cast<DWORD>(static_cast<IDebugControl3 *>(control)->SetInterrupt(0));
}

void test_interrupt(Target &target) {
    gives("SetExecutionStatus(GO)", target.control->SetExecutionStatus(1), S_OK);
    HANDLE thread = CreateThread(nullptr, 0, interrupt, target.control, 0, nullptr);
    gives("WaitForEvent ended by another thread", target.control->WaitForEvent(0, INFINITE), S_OK);
    WaitForSingleObject(thread, INFINITE);
    DWORD result = 1;
    GetExitCodeThread(thread, &result);
    gives("SetInterrupt of another thread", static_cast<HRESULT>(result), S_OK);
    CloseHandle(thread);
}
