// A small debugger: it connects to a server, loads an extension and runs its command.
//
//     host OPTIONS EXTENSION     for example: host tcp:server=127.0.0.1,port=5005 extension.dll
#include "check.h"

struct Screen : IDebugOutputCallbacks {
    char text[256] = "";

    STDMETHOD(QueryInterface)(REFIID, PVOID *) { return E_NOINTERFACE; }
    STDMETHOD_(ULONG, AddRef)() { return 2; }
    STDMETHOD_(ULONG, Release)() { return 1; }
    STDMETHOD(Output)(ULONG, PCSTR said) {
        printf("%s", said);
        snprintf(text, sizeof text, "%s", said);
        return S_OK;
    }
};

int main(int count, char **arguments) {
    if (count != 3) return 2;
    constexpr ULONG64 ADDRESS = 0x3000000;
    IDebugClient *client = nullptr;
    IDebugControl3 *control = nullptr;
    IDebugDataSpaces4 *spaces = nullptr;
    Screen screen;
    void *none = nullptr;
    is_true("DebugConnect where nobody listens fails",
            FAILED(DebugConnect("tcp:server=127.0.0.1,port=1", IID_IDebugClient, &none)));
    wchar_t options[200] = {};
    for (int i = 0; arguments[1][i] && i < 199; i++) options[i] = static_cast<wchar_t>(arguments[1][i]);
    need("DebugConnectWide", DebugConnectWide(options, IID_IDebugClient, reinterpret_cast<void **>(&client)));
    need("ConnectSession", client->ConnectSession(0, 0));
    need("IDebugControl3", client->QueryInterface(IID_IDebugControl3, reinterpret_cast<void **>(&control)));
    need("IDebugDataSpaces4", client->QueryInterface(IID_IDebugDataSpaces4, reinterpret_cast<void **>(&spaces)));
    need("SetOutputCallbacks", client->SetOutputCallbacks(&screen));
    ULONG status = 0;
    moves("the target is there", control->GetExecutionStatus(&status), S_OK, status, 6);

    ULONG64 handle = 0, value = 0x1111, again = 0;
    need("WritePhysical", spaces->WritePhysical(ADDRESS, &value, sizeof value, nullptr));
    gives("AddExtension", control->AddExtension(arguments[2], 0, &handle), S_OK);
    moves("GetExtensionByPath", control->GetExtensionByPath(arguments[2], &again), S_OK, again, handle);
    gives("CallExtension", control->CallExtension(handle, "poke", "3000000 600df00d"), S_OK);
    is_true("the extension's output", strcmp(screen.text, "3000000 held 1111\n") == 0);
    need("ReadPhysical", spaces->ReadPhysical(ADDRESS, &value, sizeof value, nullptr));
    same("what the extension wrote", value, 0x600df00d);
    gives("CallExtension by any extension", control->CallExtension(0, "poke", "3000000 5"), S_OK);
    gives("CallExtension where RAM ends", control->CallExtension(handle, "poke", "4000000 5"), READ_FAULT);
    gives("CallExtension of no command", control->CallExtension(handle, "peek", ""), E_NOINTERFACE);
    FARPROC function = nullptr;
    gives("GetExtensionFunction", control->GetExtensionFunction(handle, "answer", &function), S_OK);
    int answer = 0;
    if (function) reinterpret_cast<HRESULT(CALLBACK *)(int *)>(reinterpret_cast<void *>(function))(&answer);
    same("the function's answer", static_cast<unsigned>(answer), 42);
    gives("RemoveExtension", control->RemoveExtension(handle), S_OK);
    gives("RemoveExtension again", control->RemoveExtension(handle), E_INVALIDARG);
    is_true("AddExtension of no file fails", FAILED(control->AddExtension("nowhere.dll", 0, &handle)));
    need("SetOutputCallbacks", client->SetOutputCallbacks(nullptr));
    spaces->Release();
    control->Release();
    same("references that are left", client->Release(), 0);
    return verdict("host");
}
