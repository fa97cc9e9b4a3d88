// IDebugBreakpoint and IDebugBreakpoint2, whose table begins with that of the first.
#include "breakpoint.h"
#include "shapes.h"
#include <stdlib.h>
#include <string.h>

namespace {

constexpr GUID IID_BREAKPOINT2 = {0x1b278d20, 0x79f2, 0x426e, {0xa3, 0xf9, 0xc1, 0xdd, 0xf3, 0x75, 0xd4, 0x8e}};

SRWLOCK lock = SRWLOCK_INIT;
Breakpoint *breakpoints = nullptr;

// A call by a client whose connection is still there.
template <typename Ask> HRESULT call(Breakpoint *self, unsigned slot, Ask ask) {
    Client *client = self->reach();
    if (!client) return E_UNEXPECTED;
    Face face = {nullptr, Interface::Breakpoint, client};
    HRESULT result;
    {
        Call call(&face, slot);
        result = ask(call.u64(self->handle)).make();
    }
    client->release();
    return result;
}

HRESULT query(Breakpoint *self, REFIID iid, void **found) {
    if (!found) return E_INVALIDARG;
    bool ours = memcmp(&iid, &IID_IUnknown, sizeof iid) == 0 || memcmp(&iid, &IID_IDebugBreakpoint, sizeof iid) == 0 ||
                memcmp(&iid, &IID_BREAKPOINT2, sizeof iid) == 0;
    *found = ours ? self : nullptr;
    return ours ? S_OK : E_NOINTERFACE;
}

// References say nothing of its life.
ULONG reference(Breakpoint *) { return 1; }

template <unsigned Slot> HRESULT get(Breakpoint *self, ULONG *value) {
    return call(self, Slot, [&](Call &call) -> Call & { return call.must(value); });
}

template <unsigned Slot> HRESULT get_two(Breakpoint *self, ULONG *first, ULONG *second) {
    return call(self, Slot, [&](Call &call) -> Call & { return call.must(first).must(second); });
}

template <unsigned Slot> HRESULT set(Breakpoint *self, ULONG value) {
    return call(self, Slot, [&](Call &call) -> Call & { return call.u32(value); });
}

HRESULT get_adder(Breakpoint *self, IDebugClient **adder) {
    if (!adder) return E_INVALIDARG;
    *adder = nullptr;
    Client *client = self->adder ? Client::named(self->adder) : nullptr;
    if (!client) return E_NOINTERFACE;
    HRESULT result = client->query(IID_IDebugClient, reinterpret_cast<void **>(adder));
    client->release();
    return result;
}

HRESULT get_offset(Breakpoint *self, ULONG64 *offset) {
    return call(self, 10, [&](Call &call) -> Call & { return call.must(offset); });
}

HRESULT set_offset(Breakpoint *self, ULONG64 offset) {
    return call(self, 11, [&](Call &call) -> Call & { return call.u64(offset); });
}

HRESULT set_data(Breakpoint *self, ULONG size, ULONG access) {
    return call(self, 13, [&](Call &call) -> Call & { return call.u32(size).u32(access); });
}

template <unsigned Slot> HRESULT get_text(Breakpoint *self, char *buffer, ULONG room, ULONG *size) {
    return call(self, Slot, [&](Call &call) -> Call & { return call.room(buffer, room).out(size); });
}

template <unsigned Slot> HRESULT get_wide(Breakpoint *self, wchar_t *buffer, ULONG room, ULONG *size) {
    return call(self, Slot, [&](Call &call) -> Call & { return call.wide_room(buffer, room).out(size); });
}

template <unsigned Slot, typename Character> HRESULT set_text(Breakpoint *self, const Character *text) {
    return call(self, Slot, [&](Call &call) -> Call & { return call.text(text); });
}

HRESULT get_parameters(Breakpoint *self, DEBUG_BREAKPOINT_PARAMETERS *parameters) {
    return call(self, 23, [&](Call &call) -> Call & { return call.must_bytes(parameters, sizeof *parameters); });
}

template <typename Result, typename... Parameters>
Entry entry(unsigned slot, Result (*function)(Breakpoint *, Parameters...)) {
    return {slot, reinterpret_cast<const void *>(function)};
}

const Vtable METHODS = {
    entry(0, query),          // QueryInterface
    entry(1, reference),      // AddRef
    entry(2, reference),      // Release
    entry(3, get<3>),         // GetId
    entry(4, get_two<4>),     // GetType
    entry(5, get_adder),      // GetAdder
    entry(6, get<6>),         // GetFlags
    entry(7, set<7>),         // AddFlags
    entry(8, set<8>),         // RemoveFlags
    entry(9, set<9>),         // SetFlags
    entry(10, get_offset),    // GetOffset
    entry(11, set_offset),    // SetOffset
    entry(12, get_two<12>),   // GetDataParameters
    entry(13, set_data),      // SetDataParameters
    entry(14, get<14>),       // GetPassCount
    entry(15, set<15>),       // SetPassCount
    entry(16, get<16>),       // GetCurrentPassCount
    entry(17, get<17>),       // GetMatchThreadId
    entry(18, set<18>),       // SetMatchThreadId
    entry(19, get_text<19>),  // GetCommand
    entry(20, set_text<20, char>), // SetCommand
    entry(21, get_text<21>),  // GetOffsetExpression
    entry(22, set_text<22, char>), // SetOffsetExpression
    entry(23, get_parameters), // GetParameters
    entry(24, get_wide<24>),  // GetCommandWide
    entry(25, set_text<20, wchar_t>), // SetCommandWide
    entry(26, get_wide<26>),  // GetOffsetExpressionWide
    entry(27, set_text<22, wchar_t>), // SetOffsetExpressionWide
};

} // namespace

Breakpoint *Breakpoint::of(const Link *link, ULONG64 handle, const Client *adder) {
    AcquireSRWLockExclusive(&lock);
    Breakpoint *found = breakpoints;
    while (found && (found->session != link->serial || found->handle != handle)) found = found->next_;
    if (!found && (found = static_cast<Breakpoint *>(calloc(1, sizeof *found)))) {
        found->slots = METHODS.slots;
        found->number = Interface::Breakpoint;
        found->handle = handle;
        found->session = link->serial;
        found->adder = adder ? adder->serial : 0;
        found->next_ = breakpoints;
        breakpoints = found;
    }
    ReleaseSRWLockExclusive(&lock);
    return found;
}

Breakpoint *Breakpoint::known(const void *pointer) {
    AcquireSRWLockShared(&lock);
    Breakpoint *found = breakpoints;
    while (found && found != pointer) found = found->next_;
    ReleaseSRWLockShared(&lock);
    return found;
}
