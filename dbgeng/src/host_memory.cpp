// IDebugHostMemory, IDebugHostMemory2 and IDebugHostContext.
#include "client.h"
#include "shapes.h"
#include <oleauto.h>

namespace {

// A call about a place. Null is the session's current context, and so is the only context object
// there is; any other is a stranger's.
struct PlaceCall : Call {
    PlaceCall(Face *self, unsigned slot, IDebugHostContext *context, const Location &location)
        : Call(self, slot), known(!context || Client::owns(context)) {
        flag(false).u64(location.HostDefined).u64(location.Offset);
    }

    const bool known;
};

HRESULT read_bytes(Face *self, IDebugHostContext *context, Location location, void *buffer, ULONG64 size,
                   ULONG64 *read) {
    PlaceCall call(self, 3, context, location);
    return call.known ? call.room(buffer, size).out(read).make() : E_INVALIDARG;
}

HRESULT write_bytes(Face *self, IDebugHostContext *context, Location location, void *buffer, ULONG64 size,
                    ULONG64 *written) {
    PlaceCall call(self, 4, context, location);
    return call.known ? call.data(buffer, size).out(written).make() : E_INVALIDARG;
}

HRESULT read_pointers(Face *self, IDebugHostContext *context, Location location, ULONG64 count, ULONG64 *pointers) {
    PlaceCall call(self, 5, context, location);
    return call.known ? call.pointer_room(pointers, count).make() : E_INVALIDARG;
}

HRESULT write_pointers(Face *self, IDebugHostContext *context, Location location, ULONG64 count, ULONG64 *pointers) {
    PlaceCall call(self, 6, context, location);
    return call.known ? call.pointers(pointers, count).make() : E_INVALIDARG;
}

HRESULT display_string(Face *self, IDebugHostContext *context, Location location, bool verbose, BSTR *name) {
    PlaceCall call(self, 7, context, location);
    if (!call.known || !name) return E_INVALIDARG;
    // Zeros behind the text end it.
    wchar_t text[256] = {};
    HRESULT result = call.flag(verbose).array(text, ARRAYSIZE(text) - 1, sizeof *text).make();
    if (FAILED(result)) return result;
    *name = SysAllocString(text);
    return *name ? result : E_OUTOFMEMORY;
}

HRESULT linearize(Face *self, IDebugHostContext *context, Location location, Location *linear) {
    PlaceCall call(self, 8, context, location);
    if (!call.known || !linear) return E_INVALIDARG;
    return call.must(&linear->HostDefined).must(&linear->Offset).make();
}

HRESULT is_equal(Face *, IDebugHostContext *context, bool *equal) {
    if (!context || !equal) return E_INVALIDARG;
    *equal = Client::owns(context);
    return S_OK;
}

} // namespace

const Vtable HOST_MEMORY_METHODS = {
    at(3, read_bytes),      // ReadBytes
    at(4, write_bytes),     // WriteBytes
    at(5, read_pointers),   // ReadPointers
    at(6, write_pointers),  // WritePointers
    at(7, display_string),  // GetDisplayStringForLocation
    at(8, linearize),       // LinearizeLocation
};

const Vtable HOST_CONTEXT_METHODS = {
    at(3, is_equal), // IsEqualTo
};
