#include "extension.h"
#include <stdio.h>
#include <string.h>

namespace {

using Initialize = HRESULT(CALLBACK *)(ULONG *version, ULONG *flags);
using Uninitialize = void(CALLBACK *)();
using Command = HRESULT(CALLBACK *)(Face *client, const char *arguments);

// The extensions of this process, in the order of loading. A handle is the DLL's.
struct Extension {
    HMODULE module;
    char path[MAX_PATH];
};
constexpr int MOST = 32;
Extension loaded[MOST];
int loaded_count = 0;
SRWLOCK lock = SRWLOCK_INIT;

template <typename Function> Function function_of(HMODULE module, const char *name) {
    return reinterpret_cast<Function>(reinterpret_cast<void *>(GetProcAddress(module, name)));
}

ULONG64 handle_of(HMODULE module) { return reinterpret_cast<ULONG_PTR>(module); }

// The extension of a handle: its place, or -1.
int find(ULONG64 handle) {
    for (int i = 0; i < loaded_count; i++) {
        if (handle_of(loaded[i].module) == handle) return i;
    }
    return -1;
}

// An exported function of the extension of a handle; with handle 0, of the first that has it.
void *exported(ULONG64 handle, const char *name) {
    void *function = nullptr;
    AcquireSRWLockShared(&lock);
    for (int i = 0; i < loaded_count && !function; i++) {
        if (handle == 0 || handle_of(loaded[i].module) == handle) function = function_of<void *>(loaded[i].module, name);
    }
    ReleaseSRWLockShared(&lock);
    return function;
}

} // namespace

HRESULT add_extension(Face *, const char *path, ULONG flags, ULONG64 *handle) {
    if (!path || !handle || flags != 0 || strlen(path) >= MAX_PATH) return E_INVALIDARG;
    HMODULE module = LoadLibraryA(path);
    if (!module) return HRESULT_FROM_WIN32(GetLastError());
    HRESULT result = S_OK;
    ULONG version = 0, extension_flags = 0;
    auto initialize = function_of<Initialize>(module, "DebugExtensionInitialize");
    // Without it, it is an extension of the older kind.
    if (!initialize) result = E_NOINTERFACE;
    // It may call back, so no lock is held.
    else result = initialize(&version, &extension_flags);
    AcquireSRWLockExclusive(&lock);
    if (SUCCEEDED(result) && loaded_count == MOST) result = E_OUTOFMEMORY;
    if (SUCCEEDED(result)) {
        Extension &extension = loaded[loaded_count++];
        extension.module = module;
        strcpy(extension.path, path);
        *handle = handle_of(module);
    }
    ReleaseSRWLockExclusive(&lock);
    if (FAILED(result)) FreeLibrary(module);
    return result;
}

HRESULT remove_extension(Face *, ULONG64 handle) {
    AcquireSRWLockExclusive(&lock);
    int place = find(handle);
    HMODULE module = place < 0 ? nullptr : loaded[place].module;
    if (module) {
        for (int i = place; i + 1 < loaded_count; i++) loaded[i] = loaded[i + 1];
        loaded_count--;
    }
    ReleaseSRWLockExclusive(&lock);
    if (!module) return E_INVALIDARG;
    if (auto uninitialize = function_of<Uninitialize>(module, "DebugExtensionUninitialize")) uninitialize();
    FreeLibrary(module);
    return S_OK;
}

HRESULT extension_by_path(Face *, const char *path, ULONG64 *handle) {
    if (!path || !handle) return E_INVALIDARG;
    HRESULT result = E_NOINTERFACE;
    AcquireSRWLockShared(&lock);
    for (int i = 0; i < loaded_count && result != S_OK; i++) {
        if (_stricmp(loaded[i].path, path) != 0) continue;
        *handle = handle_of(loaded[i].module);
        result = S_OK;
    }
    ReleaseSRWLockShared(&lock);
    return result;
}

// The result is the command's own.
HRESULT call_extension(Face *self, ULONG64 handle, const char *function, const char *arguments) {
    if (!function) return E_INVALIDARG;
    auto command = reinterpret_cast<Command>(exported(handle, function));
    if (!command) return E_NOINTERFACE;
    void *client = nullptr;
    HRESULT result = reinterpret_cast<IUnknown *>(self)->QueryInterface(IID_IDebugClient, &client);
    if (FAILED(result)) return result;
    result = command(static_cast<Face *>(client), arguments ? arguments : "");
    static_cast<IUnknown *>(client)->Release();
    return result;
}

// Functions for other extensions are exported with a prefix.
HRESULT extension_function(Face *, ULONG64 handle, const char *name, FARPROC *function) {
    if (!name || !function) return E_INVALIDARG;
    char prefixed[256];
    if (snprintf(prefixed, sizeof prefixed, "_EFN_%s", name) >= static_cast<int>(sizeof prefixed)) return E_INVALIDARG;
    *function = reinterpret_cast<FARPROC>(exported(handle, prefixed));
    return *function ? S_OK : E_NOINTERFACE;
}
