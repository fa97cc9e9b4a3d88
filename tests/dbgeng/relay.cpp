// Makes the calls that a test asks for: reads requests of the wire from standard input, calls the
// methods of the data spaces, of the host memory and those of the control that are in text through
// their COM interfaces, and writes what
// came of it to standard output as an answer of the wire.
//
// Buffers are filled with 0xa5 before the call and come back whole, so that the test sees what
// was left alone.
#include "callbacks.h"
#include "relay.h"

namespace {

constexpr USHORT DATA_SPACES = 1, HOST_MEMORY = 2, CONTROL = 4, REGISTERS = 5, SYMBOLS = 7, BREAKPOINT = 8;
// IDebugSymbols3, whose table begins as that of the second version.
constexpr IID IID_SYMBOLS3 = {0xf02fbecc, 0x50ac, 0x4f36, {0x9a, 0xd9, 0xc9, 0x75, 0xe8, 0xf3, 0x2f, 0xf8}};
// In a slot: all out-pointers but those of buffers are null.
constexpr USHORT NULLED = 0x8000;

// What the callbacks were told since the last answer.
struct Told : QuietCallbacks {
    Bytes events;
    ULONG count = 0;

    STDMETHOD(GetInterestMask)(PULONG mask) {
        *mask = DEBUG_EVENT_CHANGE_DEBUGGEE_STATE;
        return S_OK;
    }
    STDMETHOD(ChangeDebuggeeState)(ULONG flags, ULONG64 argument) {
        events.u8(1);
        events.u32(flags);
        events.u64(argument);
        count++;
        return S_OK;
    }
    STDMETHOD(ChangeEngineState)(ULONG, ULONG64) { return S_OK; }
    STDMETHOD(ChangeSymbolState)(ULONG, ULONG64) { return S_OK; }
};

// What was said since the last answer, for the same list.
struct Heard : IDebugOutputCallbacks {
    explicit Heard(Told &told) : told(told) {}

    STDMETHOD(QueryInterface)(REFIID, void **) { return E_NOINTERFACE; }
    STDMETHOD_(ULONG, AddRef)() { return 1; }
    STDMETHOD_(ULONG, Release)() { return 1; }
    STDMETHOD(Output)(ULONG mask, PCSTR text) {
        told.events.u8(4);
        told.events.u32(mask);
        told.events.u32(static_cast<ULONG>(strlen(text)));
        told.events.append(text, strlen(text));
        told.count++;
        return S_OK;
    }

    Told &told;
};

// The parameters are read in the order of the request, one statement after the other.
void data_spaces(IDebugDataSpaces4 *spaces, USHORT slot, bool nulled, Reader &in, Bytes &out) {
    // A value that no method gives shows an output that was not written.
    ULONG n = 0xdddddddd;
    ULONG64 q = 0xdddddddddddddddd;
    ULONG *pn = nulled ? nullptr : &n;
    ULONG64 *pq = nulled ? nullptr : &q;
    auto read_at = [&](HRESULT (STDMETHODCALLTYPE IDebugDataSpaces4::*method)(ULONG64, PVOID, ULONG, PULONG)) {
        ULONG64 offset = in.u64();
        Room room(in);
        HRESULT result = (spaces->*method)(offset, room, room.size(), pn);
        answer(out, result, room, n);
    };
    auto write_at = [&](HRESULT (STDMETHODCALLTYPE IDebugDataSpaces4::*method)(ULONG64, PVOID, ULONG, PULONG)) {
        ULONG64 offset = in.u64();
        Data data(in);
        HRESULT result = (spaces->*method)(offset, data, data.size(), pn);
        answer32(out, result, n);
    };
    auto fill = [&](HRESULT (STDMETHODCALLTYPE IDebugDataSpaces4::*method)(ULONG64, ULONG, PVOID, ULONG, PULONG)) {
        ULONG64 start = in.u64();
        ULONG size = in.u32();
        Data pattern(in);
        HRESULT result = (spaces->*method)(start, size, pattern, pattern.size(), pn);
        answer32(out, result, n);
    };
    switch (slot) {
    case 3: return read_at(&IDebugDataSpaces4::ReadVirtual);
    case 4: return write_at(&IDebugDataSpaces4::WriteVirtual);
    case 6: return read_at(&IDebugDataSpaces4::ReadVirtualUncached);
    case 7: return write_at(&IDebugDataSpaces4::WriteVirtualUncached);
    case 10: return read_at(&IDebugDataSpaces4::ReadPhysical);
    case 11: return write_at(&IDebugDataSpaces4::WritePhysical);
    case 26: return fill(&IDebugDataSpaces4::FillVirtual);
    case 27: return fill(&IDebugDataSpaces4::FillPhysical);
    case 20: return answer(out, spaces->CheckLowMemory());
    case 5: case 37: {
        ULONG64 offset = in.u64(), length = in.u64();
        ULONG flags = slot == 37 ? in.u32() : 0;
        Data pattern(in);
        ULONG step = in.u32();
        HRESULT result = slot == 5 ? spaces->SearchVirtual(offset, length, pattern, pattern.size(), step, pq)
                                   : spaces->SearchVirtual2(offset, length, flags, pattern, pattern.size(), step, pq);
        return answer64(out, result, q);
    }
    case 8: {
        ULONG64 offset = in.u64();
        Room room(in, 8);
        answer(out, spaces->ReadPointersVirtual(room.size(), offset, room));
        return room.put(out);
    }
    case 9: {
        ULONG64 offset = in.u64();
        Data pointers(in, 8);
        return answer(out, spaces->WritePointersVirtual(pointers.size(), offset, pointers));
    }
    case 12: {
        ULONG processor = in.u32();
        ULONG64 offset = in.u64();
        Room room(in);
        HRESULT result = spaces->ReadControl(processor, offset, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 13: {
        ULONG processor = in.u32();
        ULONG64 offset = in.u64();
        Data data(in);
        HRESULT result = spaces->WriteControl(processor, offset, data, data.size(), pn);
        return answer32(out, result, n);
    }
    case 14: {
        ULONG type = in.u32(), bus = in.u32(), space = in.u32();
        ULONG64 offset = in.u64();
        Room room(in);
        HRESULT result = spaces->ReadIo(type, bus, space, offset, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 15: {
        ULONG type = in.u32(), bus = in.u32(), space = in.u32();
        ULONG64 offset = in.u64();
        Data data(in);
        HRESULT result = spaces->WriteIo(type, bus, space, offset, data, data.size(), pn);
        return answer32(out, result, n);
    }
    case 16: {
        HRESULT result = spaces->ReadMsr(in.u32(), pq);
        return answer64(out, result, q);
    }
    case 17: {
        ULONG msr = in.u32();
        ULONG64 value = in.u64();
        return answer(out, spaces->WriteMsr(msr, value));
    }
    case 18: {
        ULONG type = in.u32(), bus = in.u32(), function = in.u32(), offset = in.u32();
        Room room(in);
        HRESULT result = spaces->ReadBusData(type, bus, function, offset, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 19: {
        ULONG type = in.u32(), bus = in.u32(), function = in.u32(), offset = in.u32();
        Data data(in);
        HRESULT result = spaces->WriteBusData(type, bus, function, offset, data, data.size(), pn);
        return answer32(out, result, n);
    }
    case 21: {
        ULONG index = in.u32();
        Room room(in);
        HRESULT result = spaces->ReadDebuggerData(index, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 22: {
        ULONG processor = in.u32(), index = in.u32();
        Room room(in);
        HRESULT result = spaces->ReadProcessorSystemData(processor, index, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 23: {
        HRESULT result = spaces->VirtualToPhysical(in.u64(), pq);
        return answer64(out, result, q);
    }
    case 24: {
        ULONG64 address = in.u64();
        Room room(in, 8);
        HRESULT result = spaces->GetVirtualTranslationPhysicalOffsets(address, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 25: {
        ULONG64 handle = in.u64();
        ULONG type = in.u32();
        Room room(in);
        HRESULT result = spaces->ReadHandleData(handle, type, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 28: {
        MEMORY_BASIC_INFORMATION64 info;
        memset(&info, 0xa5, sizeof info);
        answer(out, spaces->QueryVirtual(in.u64(), nulled ? nullptr : &info));
        out.u64(sizeof info);
        return out.append(&info, sizeof info);
    }
    case 29: {
        IMAGE_NT_HEADERS64 headers;
        memset(&headers, 0xa5, sizeof headers);
        answer(out, spaces->ReadImageNtHeaders(in.u64(), nulled ? nullptr : &headers));
        out.u64(sizeof headers);
        return out.append(&headers, sizeof headers);
    }
    case 30: {
        GUID tag = {};
        if (const BYTE *sent = in.take(sizeof tag)) memcpy(&tag, sent, sizeof tag);
        ULONG offset = in.u32();
        Room room(in);
        HRESULT result = spaces->ReadTagged(&tag, offset, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 31: {
        HRESULT result = spaces->StartEnumTagged(pq);
        return answer64(out, result, q);
    }
    case 32: {
        GUID tag = {};
        answer(out, spaces->GetNextTagged(in.u64(), nulled ? nullptr : &tag, pn));
        out.append(&tag, sizeof tag);
        return out.u32(n);
    }
    case 33: return answer(out, spaces->EndEnumTagged(in.u64()));
    case 34: {
        ULONG space = in.u32(), which = in.u32();
        ULONG64 offset = in.u64();
        Room room(in);
        HRESULT result = spaces->GetOffsetInformation(space, which, offset, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 35: {
        HRESULT result = spaces->GetNextDifferentlyValidOffsetVirtual(in.u64(), pq);
        return answer64(out, result, q);
    }
    case 36: {
        ULONG64 base = in.u64();
        ULONG size = in.u32();
        answer(out, spaces->GetValidRegionVirtual(base, size, pq, pn));
        out.u64(q);
        return out.u32(n);
    }
    case 38: case 40: {
        ULONG64 offset = in.u64();
        ULONG most = in.u32(), page = slot == 40 ? in.u32() : 0;
        Room room(in);
        HRESULT result = slot == 38 ? spaces->ReadMultiByteStringVirtual(offset, most, room, room.size(), pn)
                                    : spaces->ReadUnicodeStringVirtual(offset, most, page, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 39: case 41: {
        ULONG64 offset = in.u64();
        ULONG most = in.u32(), page = slot == 39 ? in.u32() : 0;
        Room room(in, 2);
        HRESULT result = slot == 41 ? spaces->ReadUnicodeStringVirtualWide(offset, most, room, room.size(), pn)
                                    : spaces->ReadMultiByteStringVirtualWide(offset, most, page, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 42: {
        ULONG64 offset = in.u64();
        ULONG flags = in.u32();
        Room room(in);
        HRESULT result = spaces->ReadPhysical2(offset, flags, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 43: {
        ULONG64 offset = in.u64();
        ULONG flags = in.u32();
        Data data(in);
        HRESULT result = spaces->WritePhysical2(offset, flags, data, data.size(), pn);
        return answer32(out, result, n);
    }
    default: return answer(out, E_NOTIMPL);
    }
}

void host_memory(IDebugHostMemory2 *memory, USHORT slot, bool nulled, Reader &in, Bytes &out) {
    // Requests have the session's own context, which is null here.
    if (in.u8() != 0) return answer(out, E_INVALIDARG);
    ULONG64 host = in.u64(), offset = in.u64(), q = 0xdddddddddddddddd;
    ULONG64 *pq = nulled ? nullptr : &q;
    Location location = {host, offset};
    switch (slot) {
    case 3: {
        Room room(in);
        answer(out, memory->ReadBytes(nullptr, location, room, room.count, pq));
        room.put(out);
        return out.u64(q);
    }
    case 4: {
        Data data(in);
        HRESULT result = memory->WriteBytes(nullptr, location, data, data.count, pq);
        return answer64(out, result, q);
    }
    case 5: {
        Room room(in, 8);
        answer(out, memory->ReadPointers(nullptr, location, room.count, room));
        return room.put(out);
    }
    case 6: {
        Data pointers(in, 8);
        return answer(out, memory->WritePointers(nullptr, location, pointers.count, pointers));
    }
    case 7: {
        BSTR name = nullptr;
        HRESULT result = memory->GetDisplayStringForLocation(nullptr, location, in.u8() != 0, nulled ? nullptr : &name);
        answer(out, result);
        out.u64(SysStringByteLen(name));
        out.append(name, SysStringByteLen(name));
        return SysFreeString(name);
    }
    case 8: {
        Location linear = {};
        answer(out, memory->LinearizeLocation(nullptr, location, nulled ? nullptr : &linear));
        out.u64(linear.HostDefined);
        return out.u64(linear.Offset);
    }
    default: return answer(out, E_NOTIMPL);
    }
}

// The breakpoints, as they came: the place is the session's number for it, less one.
IDebugBreakpoint *breakpoints[16];

ULONG64 number_of(IDebugBreakpoint *breakpoint) {
    if (!breakpoint) return 0;
    ULONG64 at = 0;
    while (at < ARRAYSIZE(breakpoints) - 1 && breakpoints[at] && breakpoints[at] != breakpoint) at++;
    breakpoints[at] = breakpoint;
    return at + 1;
}

IDebugBreakpoint *breakpoint_of(ULONG64 number) {
    return number - 1 < ARRAYSIZE(breakpoints) ? breakpoints[number - 1] : nullptr;
}

void control(IDebugControl *control, USHORT slot, bool nulled, Reader &in, Bytes &out) {
    ULONG n = 0xdddddddd;
    ULONG64 q = 0xdddddddddddddddd;
    ULONG *pn = nulled ? nullptr : &n;
    IDebugBreakpoint *breakpoint = nullptr, **place = nulled ? nullptr : &breakpoint;
    switch (slot) {
    case 14: {
        // As a format that prints it.
        ULONG mask = in.u32();
        Text text(in);
        return answer(out, control->Output(mask, "%s", static_cast<const char *>(text)));
    }
    case 16: {
        ULONG output_control = in.u32(), mask = in.u32();
        Text text(in);
        return answer(out, control->ControlledOutput(output_control, mask, "%s", static_cast<const char *>(text)));
    }
    case 18: {
        ULONG output_control = in.u32();
        Text text(in);
        return answer(out, control->OutputPrompt(output_control, "%s", static_cast<const char *>(text)));
    }
    case 20: {
        Room room(in);
        HRESULT result = control->GetPromptText(room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 26: {
        ULONG64 offset = in.u64();
        ULONG flags = in.u32();
        Room room(in);
        HRESULT result = control->Disassemble(offset, flags, room, room.size(), pn, nulled ? nullptr : &q);
        answer(out, result, room, n);
        return out.u64(q);
    }
    case 31: {
        ULONG64 frame = in.u64(), stack = in.u64(), instruction = in.u64();
        Room room(in, sizeof(DEBUG_STACK_FRAME));
        HRESULT result = control->GetStackTrace(frame, stack, instruction, room, room.size(), pn);
        return answer(out, result, room, n);
    }
    case 32: answer(out, control->GetReturnOffset(nulled ? nullptr : &q)); return out.u64(q);
    case 63: {
        Text text(in);
        ULONG type = in.u32();
        bool remainder = in.u8() != 0;
        DEBUG_VALUE value;
        memset(&value, 0xa5, sizeof value);
        answer(out, control->Evaluate(text, type, nulled ? nullptr : &value, remainder ? pn : nullptr));
        out.u64(sizeof value);
        out.append(&value, sizeof value);
        return out.u32(n);
    }
    case 66: {
        ULONG output_control = in.u32();
        Text text(in);
        return answer(out, control->Execute(output_control, text, in.u32()));
    }
    case 50: return answer(out, control->SetExecutionStatus(in.u32()));
    case 68: {
        ULONG number = 0;
        answer(out, control->GetNumberBreakpoints(nulled ? nullptr : &number));
        return out.u32(number);
    }
    case 69: answer(out, control->GetBreakpointByIndex(in.u32(), place)); return out.u64(number_of(breakpoint));
    case 70: answer(out, control->GetBreakpointById(in.u32(), place)); return out.u64(number_of(breakpoint));
    case 71:
        return answer_list<ULONG, DEBUG_BREAKPOINT_PARAMETERS>(in, out, nulled, &Reader::u32, [&](auto... given) {
            return control->GetBreakpointParameters(given...);
        });
    case 72: {
        ULONG kind = in.u32(), desired = in.u32();
        answer(out, control->AddBreakpoint(kind, desired, place));
        return out.u64(number_of(breakpoint));
    }
    case 73: return answer(out, control->RemoveBreakpoint(breakpoint_of(in.u64())));
    case 93: {
        ULONG flags = in.u32(), timeout = in.u32();
        return answer(out, control->WaitForEvent(flags, timeout));
    }
    case 94: {
        Buffer extra(in, 1, false), description(in, 1, false);
        ULONG type = 0, process = 0, thread = 0, extra_used = 0, description_used = 0;
        answer(out, control->GetLastEventInformation(&type, &process, &thread, extra, extra.size(), &extra_used,
                                                     description, description.size(), &description_used));
        out.u32(type);
        out.u32(process);
        out.u32(thread);
        extra.put(out);
        out.u32(extra_used);
        description.put(out);
        return out.u32(description_used);
    }
    default: return answer(out, E_NOTIMPL);
    }
}

void breakpoint(USHORT slot, bool nulled, Reader &in, Bytes &out) {
    IDebugBreakpoint *breakpoint = breakpoint_of(in.u64());
    if (!breakpoint) return answer(out, E_POINTER);
    ULONG first = 0, second = 0, *one = nulled ? nullptr : &first, *other = nulled ? nullptr : &second;
    ULONG64 offset = 0;
    switch (slot) {
    case 3: answer(out, breakpoint->GetId(one)); return out.u32(first);
    case 4: answer(out, breakpoint->GetType(one, other)); break;
    case 6: answer(out, breakpoint->GetFlags(one)); return out.u32(first);
    case 7: return answer(out, breakpoint->AddFlags(in.u32()));
    case 8: return answer(out, breakpoint->RemoveFlags(in.u32()));
    case 9: return answer(out, breakpoint->SetFlags(in.u32()));
    case 10: answer(out, breakpoint->GetOffset(nulled ? nullptr : &offset)); return out.u64(offset);
    case 11: return answer(out, breakpoint->SetOffset(in.u64()));
    case 12: answer(out, breakpoint->GetDataParameters(one, other)); break;
    case 13: first = in.u32(), second = in.u32(); return answer(out, breakpoint->SetDataParameters(first, second));
    case 14: answer(out, breakpoint->GetPassCount(one)); return out.u32(first);
    case 15: return answer(out, breakpoint->SetPassCount(in.u32()));
    case 16: answer(out, breakpoint->GetCurrentPassCount(one)); return out.u32(first);
    case 17: answer(out, breakpoint->GetMatchThreadId(one)); return out.u32(first);
    case 18: return answer(out, breakpoint->SetMatchThreadId(in.u32()));
    case 19:
    case 21: {
        Buffer text(in, 1, false);
        answer(out, slot == 19 ? breakpoint->GetCommand(text, text.size(), one)
                               : breakpoint->GetOffsetExpression(text, text.size(), one));
        text.put(out);
        return out.u32(first);
    }
    case 20:
    case 22: {
        ULONG length = in.u32();
        Bytes text;
        text.append(in.take(length), length);
        text.u8(0);
        const char *said = reinterpret_cast<const char *>(text.data());
        return answer(out, slot == 20 ? breakpoint->SetCommand(said) : breakpoint->SetOffsetExpression(said));
    }
    case 23: {
        DEBUG_BREAKPOINT_PARAMETERS parameters = {};
        HRESULT result = breakpoint->GetParameters(nulled ? nullptr : &parameters);
        answer(out, result);
        size_t size = SUCCEEDED(result) ? sizeof parameters : 0;
        out.u64(size);
        return out.append(&parameters, size);
    }
    default: return answer(out, E_NOTIMPL);
    }
    out.u32(first);
    out.u32(second);
}

void registers(IDebugRegisters *registers, USHORT slot, Bytes &out) {
    ULONG64 offset = 0;
    answer(out, slot == 11 ? registers->GetInstructionOffset(&offset) : E_NOTIMPL);
    if (slot == 11) out.u64(offset);
}

bool read_all(void *bytes, ULONG count) {
    for (ULONG got = 0, part = 0; got < count; got += part) {
        if (!ReadFile(GetStdHandle(STD_INPUT_HANDLE), static_cast<BYTE *>(bytes) + got, count - got, &part, nullptr)) return false;
        if (part == 0) return false;
    }
    return true;
}

bool write_all(const void *bytes, size_t count) {
    ULONG written = 0;
    return WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes, static_cast<ULONG>(count), &written, nullptr) && written == count;
}

} // namespace

int main(int count, char **arguments) {
    if (count != 2) return 2;
    IDebugClient *client = nullptr;
    IDebugDataSpaces4 *spaces = nullptr;
    IDebugHostMemory2 *memory = nullptr;
    if (FAILED(DebugConnect(arguments[1], IID_IDebugClient, reinterpret_cast<void **>(&client)))) return 3;
    if (FAILED(client->QueryInterface(IID_IDebugDataSpaces4, reinterpret_cast<void **>(&spaces)))) return 4;
    if (FAILED(client->QueryInterface(IID_IDebugHostMemory2, reinterpret_cast<void **>(&memory)))) return 5;
    IDebugControl *controls = nullptr;
    IDebugRegisters *values = nullptr;
    IDebugSymbols2 *symbols = nullptr;
    if (FAILED(client->QueryInterface(IID_IDebugControl, reinterpret_cast<void **>(&controls)))) return 8;
    if (FAILED(client->QueryInterface(IID_IDebugRegisters, reinterpret_cast<void **>(&values)))) return 9;
    if (FAILED(client->QueryInterface(IID_SYMBOLS3, reinterpret_cast<void **>(&symbols)))) return 10;
    Told told;
    Heard heard(told);
    client->SetEventCallbacks(&told);
    client->SetOutputCallbacks(&heard);
    client->SetOutputMask(~0u);
    ULONG length = 0;
    Bytes request, reply;
    while (read_all(&length, sizeof length)) {
        if (!read_all(request.replace(length), length)) return 6;
        Reader in(request.data(), length);
        ULONG number = in.u32(), method = in.u32();
        reply.clear();
        reply.u32(0);
        reply.u32(number);
        USHORT interface_number = static_cast<USHORT>(method), slot = method >> 16 & (NULLED - 1);
        bool nulled = method >> 16 & NULLED;
        if (interface_number == DATA_SPACES) data_spaces(spaces, slot, nulled, in, reply);
        else if (interface_number == HOST_MEMORY) host_memory(memory, slot, nulled, in, reply);
        else if (interface_number == CONTROL) control(controls, slot, nulled, in, reply);
        else if (interface_number == BREAKPOINT) breakpoint(slot, nulled, in, reply);
        else if (interface_number == REGISTERS) registers(values, slot, reply);
        else if (interface_number == SYMBOLS) relay_symbols(symbols, slot, nulled, in, reply);
        else answer(reply, E_NOTIMPL);
        reply.u32(told.count);
        reply.append(told.events.data(), told.events.size());
        told.events.clear();
        told.count = 0;
        reply.patch_u32(0, static_cast<ULONG>(reply.size() - sizeof(ULONG)));
        if (in.failed() || reply.failed() || !write_all(reply.data(), reply.size())) return 7;
    }
    client->SetEventCallbacks(nullptr);
    client->SetOutputCallbacks(nullptr);
    symbols->Release();
    values->Release();
    controls->Release();
    memory->Release();
    spaces->Release();
    client->Release();
    return 0;
}
