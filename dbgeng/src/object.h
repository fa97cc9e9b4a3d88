// The COM objects: what a client's interface pointers point to.
//
// A client of the engine is one object with a face for each interface: a pointer to a table of
// functions, then a pointer back to the object. The versions of an interface are prefixes of one
// another, so that one face answers for all of them. Tables of functions stand in place of C++
// classes, because most methods are not implemented here, and a table says by slot number which
// ones are.
#pragma once
#include "link.h"
#include <dbgeng.h>
#include <ringhold_dbgeng.h>
#include <initializer_list>

struct Client;
struct Vtable;

// The interfaces, by their numbers on the wire.
enum class Interface : USHORT {
    // What has no vtable: the session itself.
    Session = 0,
    DataSpaces = 1,
    HostMemory = 2,
    DebugClient = 3,
    Control = 4,
    Registers = 5,
    SystemObjects = 6,
    Symbols = 7,
    Breakpoint = 8,
};

// What an interface pointer points to.
struct Face {
    const void *const *slots;
    Interface number;
    Client *client;
};

struct Entry {
    unsigned slot;
    const void *function;
};

// An entry for a method of the table. Whether the parameters are right is for the tests to say,
// which call each method by the toolchain's own declaration of it.
template <typename... Parameters> Entry at(unsigned slot, HRESULT (*function)(Face *, Parameters...)) {
    return {slot, reinterpret_cast<const void *>(function)};
}

// The functions of an interface by slot. The first three are IUnknown's. A slot that is not named
// answers E_NOTIMPL, whatever its parameters: on Win64 it is the caller who removes them.
struct Vtable {
    static constexpr unsigned SLOTS = 256;

    Vtable(std::initializer_list<Entry> entries);

    const void *slots[SLOTS];
};

extern const Vtable CLIENT_METHODS, CONTROL_METHODS, DATA_SPACES_METHODS, HOST_CONTEXT_METHODS, HOST_MEMORY_METHODS,
    REGISTERS_METHODS, SYMBOLS_METHODS, SYSTEM_OBJECTS_METHODS;
