// Debugger extensions: DLLs whose commands get a client and a line of arguments.
#pragma once
#include "object.h"

HRESULT add_extension(Face *self, const char *path, ULONG flags, ULONG64 *handle);
HRESULT remove_extension(Face *self, ULONG64 handle);
HRESULT extension_by_path(Face *self, const char *path, ULONG64 *handle);
HRESULT call_extension(Face *self, ULONG64 handle, const char *function, const char *arguments);
HRESULT extension_function(Face *self, ULONG64 handle, const char *name, FARPROC *function);
