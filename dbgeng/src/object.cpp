#include "object.h"
#include "client.h"
#include <stdio.h>
#include <utility>

namespace {

HRESULT query_interface(Face *self, REFIID iid, void **found) { return self->client->query(iid, found); }

ULONG add_ref(Face *self) { return self->client->add_ref(); }

ULONG release(Face *self) { return self->client->release(); }

const char *const INTERFACE_NAMES[] = {
    "",         "DataSpaces", "HostMemory",    "Client",
    "Control",  "Registers",  "SystemObjects", "Symbols",
    "Breakpoint",
};

// What stands in a slot that is not implemented. Whoever watches debugger output learns which.
template <unsigned Slot> HRESULT missing(Face *self) {
    char line[100];
    snprintf(line, sizeof line, "ringhold dbgeng: %s, slot %u is not implemented\n",
             INTERFACE_NAMES[static_cast<unsigned>(self->number)], Slot);
    OutputDebugStringA(line);
    return E_NOTIMPL;
}

template <size_t... Slot> void fill(const void **slots, std::index_sequence<Slot...>) {
    ((slots[Slot] = reinterpret_cast<const void *>(missing<Slot>)), ...);
}

} // namespace

Vtable::Vtable(std::initializer_list<Entry> entries) {
    fill(slots, std::make_index_sequence<SLOTS>());
    slots[0] = reinterpret_cast<const void *>(query_interface);
    slots[1] = reinterpret_cast<const void *>(add_ref);
    slots[2] = reinterpret_cast<const void *>(release);
    for (const Entry &entry : entries) slots[entry.slot] = entry.function;
}
