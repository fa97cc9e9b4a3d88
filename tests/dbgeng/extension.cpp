// A debugger extension with one command: `poke ADDRESS VALUE` writes 8 bytes to a physical
// address by the client that it is given, and says what was there before.
#include "check.h"

extern "C" __declspec(dllexport) HRESULT CALLBACK DebugExtensionInitialize(ULONG *version, ULONG *flags) {
    // An extension looks for the engine's interfaces here, as it would for its own settings.
    IDebugClient *client = nullptr;
    HRESULT result = DebugCreate(IID_IDebugClient, reinterpret_cast<void **>(&client));
    if (FAILED(result)) return result;
    client->Release();
    *version = 1 << 16 | 3;
    *flags = 0;
    return S_OK;
}

extern "C" __declspec(dllexport) HRESULT CALLBACK poke(IDebugClient *client, PCSTR arguments) {
    IDebugControl3 *control = nullptr;
    IDebugDataSpaces4 *spaces = nullptr;
    HRESULT result = client->QueryInterface(IID_IDebugControl3, reinterpret_cast<void **>(&control));
    if (FAILED(result)) return result;
    result = client->QueryInterface(IID_IDebugDataSpaces4, reinterpret_cast<void **>(&spaces));
    if (SUCCEEDED(result)) {
        char *end = nullptr;
        ULONG64 address = _strtoui64(arguments, &end, 16), value = _strtoui64(end, nullptr, 16), before = 0;
        result = spaces->ReadPhysical(address, &before, sizeof before, nullptr);
        if (SUCCEEDED(result)) result = spaces->WritePhysical(address, &value, sizeof value, nullptr);
        if (SUCCEEDED(result)) control->Output(DEBUG_OUTPUT_NORMAL, "%I64x held %I64x\n", address, before);
        spaces->Release();
    }
    control->Release();
    return result;
}

extern "C" __declspec(dllexport) HRESULT CALLBACK _EFN_answer(int *answer) {
    *answer = 42;
    return S_OK;
}
