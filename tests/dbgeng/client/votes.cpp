// Event callbacks that are asked how the target is to go on: their votes, and whom a breakpoint tells.
#include "../callbacks.h"
#include "target.h"

namespace {

constexpr ULONG NO_CHANGE = 0, GO = 1, STEP_INTO = 5, BREAK = 6;

// Says the same for some times, then something else; counts what it was told.
struct Voter : QuietCallbacks {
    ULONG breakpoints = 0, exceptions = 0, stops = 0;
    ULONG times = 0, first = NO_CHANGE, then = NO_CHANGE;

    STDMETHOD(GetInterestMask)(PULONG mask) {
        *mask = DEBUG_EVENT_BREAKPOINT | DEBUG_EVENT_EXCEPTION | DEBUG_EVENT_CHANGE_ENGINE_STATE;
        return S_OK;
    }
    STDMETHOD(Breakpoint)(PDEBUG_BREAKPOINT) { return ++breakpoints, vote(); }
    STDMETHOD(Exception)(PEXCEPTION_RECORD64, ULONG) { return ++exceptions, vote(); }
    STDMETHOD(ChangeDebuggeeState)(ULONG, ULONG64) { return S_OK; }
    STDMETHOD(ChangeEngineState)(ULONG flags, ULONG64 argument) {
        if (flags & 0x10 && argument == BREAK) stops++;
        return S_OK;
    }
    STDMETHOD(ChangeSymbolState)(ULONG, ULONG64) { return S_OK; }

    HRESULT vote() { return static_cast<HRESULT>(times > 0 ? times--, first : then); }

    // Begins to count anew.
    void say(ULONG how_often, ULONG one, ULONG other) {
        breakpoints = exceptions = stops = 0;
        times = how_often, first = one, then = other;
    }
};

void wait_after(Target &target, ULONG status) {
    need("SetExecutionStatus", target.control->SetExecutionStatus(status));
    gives("WaitForEvent", target.control->WaitForEvent(0, INFINITE), S_OK);
}

} // namespace

void test_votes(Target &target) {
    Voter first, second;
    IDebugClient *other = nullptr;
    IDebugControl *control = nullptr;
    need("CreateClient", target.client->CreateClient(&other));
    need("IDebugControl", other->QueryInterface(IID_IDebugControl, reinterpret_cast<void **>(&control)));
    need("SetEventCallbacks", target.client->SetEventCallbacks(&first));
    need("SetEventCallbacks", other->SetEventCallbacks(&second));

    // A step after which a client wants another is told, and is no event.
    first.say(3, STEP_INTO, NO_CHANGE);
    wait_after(target, STEP_INTO);
    same("steps that are told", first.exceptions, 4);
    same("the other is told as well", second.exceptions, 4);
    same("one stop is told", first.stops, 1);
    // BREAK is stronger than GO, whoever says it.
    first.say(9, GO, GO);
    second.say(9, BREAK, BREAK);
    wait_after(target, STEP_INTO);
    same("BREAK wins", first.exceptions, 1);

    // Two nops and a jump back, in place of the code where the target stands: all that any ring may do.
    ULONG64 start = 0;
    BYTE before[4], loop[4] = {0x90, 0x90, 0xeb, 0xfc};
    ULONG rip = 0, flags = 0;
    DEBUG_VALUE old_rip = {}, old_flags = {};
    need("SetImplicitProcessDataOffset", target.objects->SetImplicitProcessDataOffset(0));
    need("GetInstructionOffset", target.registers->GetInstructionOffset(&start));
    need("GetIndexByName", target.registers->GetIndexByName("rip", &rip));
    need("GetIndexByName", target.registers->GetIndexByName("rflags", &flags));
    need("GetValue", target.registers->GetValue(rip, &old_rip));
    need("GetValue", target.registers->GetValue(flags, &old_flags));
    need("ReadVirtual", target.spaces->ReadVirtual(start, before, sizeof before, nullptr));
    need("WriteVirtual", target.spaces->WriteVirtual(start, loop, sizeof loop, nullptr));
    IDebugBreakpoint *breakpoint = nullptr;
    gives("AddBreakpoint of the second client", control->AddBreakpoint(DEBUG_BREAKPOINT_CODE, DEBUG_ANY_ID, &breakpoint), S_OK);
    need("SetOffset", breakpoint->SetOffset(start + 1));
    need("SetFlags", breakpoint->SetFlags(DEBUG_BREAKPOINT_ENABLED | DEBUG_BREAKPOINT_ADDER_ONLY));
    first.say(9, GO, GO);
    second.say(0, NO_CHANGE, NO_CHANGE);
    wait_after(target, GO);
    same("the client that added it is told", second.breakpoints, 1);
    same("the first is not, and cannot vote", first.breakpoints, 0);
    first.say(0, NO_CHANGE, NO_CHANGE);
    second.say(3, GO, BREAK);
    wait_after(target, GO);
    same("hits until the callbacks let it stop", second.breakpoints, 4);
    same("one stop is told", second.stops, 1);
    need("SetFlags", breakpoint->SetFlags(DEBUG_BREAKPOINT_ENABLED));
    first.say(2, GO, NO_CHANGE);
    second.say(9, NO_CHANGE, NO_CHANGE);
    wait_after(target, GO);
    same("without the flag both are told", first.breakpoints, 3);
    same("the second as often", second.breakpoints, 3);
    gives("RemoveBreakpoint by the first client", target.control->RemoveBreakpoint(breakpoint), S_OK);

    need("WriteVirtual", target.spaces->WriteVirtual(start, before, sizeof before, nullptr));
    need("SetValue", target.registers->SetValue(rip, &old_rip));
    need("SetValue", target.registers->SetValue(flags, &old_flags));
    need("SetEventCallbacks", target.client->SetEventCallbacks(nullptr));
    need("SetEventCallbacks", other->SetEventCallbacks(nullptr));
    control->Release();
    same("references that are left", other->Release(), 0);
}
