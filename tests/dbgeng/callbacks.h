// Event callbacks that live as long as their program and take no notice of most events.
#pragma once

#include <ringhold_dbgeng.h>

struct QuietCallbacks : IDebugEventCallbacks {
    STDMETHOD(QueryInterface)(REFIID, PVOID *) { return E_NOINTERFACE; }
    STDMETHOD_(ULONG, AddRef)() { return 2; }
    STDMETHOD_(ULONG, Release)() { return 1; }
    STDMETHOD(Breakpoint)(PDEBUG_BREAKPOINT) { return S_OK; }
    STDMETHOD(Exception)(PEXCEPTION_RECORD64, ULONG) { return S_OK; }
    STDMETHOD(CreateThread)(ULONG64, ULONG64, ULONG64) { return S_OK; }
    STDMETHOD(ExitThread)(ULONG) { return S_OK; }
    STDMETHOD(CreateProcess)(ULONG64, ULONG64, ULONG64, ULONG, PCSTR, PCSTR, ULONG, ULONG, ULONG64, ULONG64, ULONG64) {
        return S_OK;
    }
    STDMETHOD(ExitProcess)(ULONG) { return S_OK; }
    STDMETHOD(LoadModule)(ULONG64, ULONG64, ULONG, PCSTR, PCSTR, ULONG, ULONG) { return S_OK; }
    STDMETHOD(UnloadModule)(PCSTR, ULONG64) { return S_OK; }
    STDMETHOD(SystemError)(ULONG, ULONG) { return S_OK; }
    STDMETHOD(SessionStatus)(ULONG) { return S_OK; }
};
