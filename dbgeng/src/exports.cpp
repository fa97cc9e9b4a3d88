// What the DLL exports, and where it finds its server.
#include "call.h"
#include "client.h"
#include <stdio.h>
#include <string.h>

namespace {

// The environment variable that says where DebugCreate finds the server: HOST:PORT or unix:PATH.
constexpr char SERVER_VARIABLE[] = "RINGHOLD_DBGENG";

// The version of the wire that this DLL speaks.
constexpr ULONG WIRE_VERSION = 1;

// Says hello; a server of another version is no use.
HRESULT greet(Client *client) {
    Face session = {nullptr, Interface::Session, client};
    ULONG version = 0;
    return Call(&session, 0).u32(WIRE_VERSION).out(&version).make();
}

// Whoever connects to a server finds its target there already, attached by somebody. Here the
// first to come attaches it.
HRESULT join(Client *client) {
    Face control = {nullptr, Interface::Control, client}, debug_client = {nullptr, Interface::DebugClient, client};
    ULONG status = 0;
    HRESULT result = Call(&control, 49).out(&status).make();
    if (FAILED(result) || status != DEBUG_STATUS_NO_DEBUGGEE) return result;
    result = Call(&debug_client, 3).u32(DEBUG_ATTACH_KERNEL_CONNECTION).text("").make();
    return FAILED(result) ? result : Call(&control, 93).u32(0).u32(INFINITE).make();
}

// A client on a link, by the interface that is asked for. Takes the caller's reference to the link.
HRESULT client_on(Link *link, bool joins, REFIID iid, void **found) {
    Client *client = Client::make(link);
    link->release();
    if (!client) return E_OUTOFMEMORY;
    HRESULT result = greet(client);
    if (SUCCEEDED(result) && joins) result = join(client);
    if (SUCCEEDED(result)) result = client->query(iid, found);
    client->release();
    return result;
}

// Finds `name=value` in options that commas part; gives the value and its length.
const char *option(const char *options, const char *name, size_t *length) {
    size_t name_length = strlen(name);
    for (const char *at = options; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (_strnicmp(at, name, name_length) != 0 || at[name_length] != '=') continue;
        const char *value = at + name_length + 1;
        *length = strcspn(value, ",");
        return value;
    }
    return nullptr;
}

// From a remote debugging client's options to an address: `tcp:server=HOST,port=PORT` in any
// order, or `unix:PATH`.
bool address_of(const char *options, char *address, size_t size) {
    int length = -1;
    if (_strnicmp(options, "unix:", 5) == 0) length = snprintf(address, size, "unix:%s", options + 5);
    if (_strnicmp(options, "tcp:", 4) == 0) {
        size_t server_length = 0, port_length = 0;
        const char *server = option(options + 4, "server", &server_length);
        const char *port = option(options + 4, "port", &port_length);
        if (!server || !port || server_length == 0 || port_length == 0) return false;
        length = snprintf(address, size, "%.*s:%.*s", static_cast<int>(server_length), server,
                          static_cast<int>(port_length), port);
    }
    return length > 0 && static_cast<size_t>(length) < size;
}

} // namespace

extern "C" HRESULT WINAPI DebugConnect(const char *options, REFIID iid, void **found) {
    if (!options || !found) return E_INVALIDARG;
    *found = nullptr;
    char address[300];
    if (!address_of(options, address, sizeof address)) return E_INVALIDARG;
    Link *link;
    HRESULT result = Link::open(address, &link);
    return FAILED(result) ? result : client_on(link, true, iid, found);
}

extern "C" HRESULT WINAPI DebugConnectWide(const wchar_t *options, REFIID iid, void **found) {
    if (!options || !found) return E_INVALIDARG;
    char narrow[300];
    if (!WideCharToMultiByte(CP_UTF8, 0, options, -1, narrow, sizeof narrow, nullptr, nullptr)) return E_INVALIDARG;
    return DebugConnect(narrow, iid, found);
}

// A client of the server that this process is connected to, or else of the one that the
// environment names.
extern "C" HRESULT WINAPI DebugCreate(REFIID iid, void **found) {
    if (!found) return E_INVALIDARG;
    *found = nullptr;
    Link *link = current_link();
    if (link) return client_on(link, false, iid, found);
    char address[300];
    DWORD length = GetEnvironmentVariableA(SERVER_VARIABLE, address, sizeof address);
    if (length == 0 || length >= sizeof address) {
        OutputDebugStringA("ringhold dbgeng: RINGHOLD_DBGENG does not name a server, such as 127.0.0.1:5005\n");
        return E_UNEXPECTED;
    }
    HRESULT result = Link::open(address, &link);
    return FAILED(result) ? result : client_on(link, false, iid, found);
}

// The options select engines on real systems; there is one here.
extern "C" HRESULT WINAPI DebugCreateEx(REFIID iid, DWORD, void **found) { return DebugCreate(iid, found); }

// The engine itself can be loaded as an extension, and has no commands.
extern "C" HRESULT CALLBACK DebugExtensionInitialize(ULONG *version, ULONG *flags) {
    if (!version || !flags) return E_INVALIDARG;
    *version = 1 << 16;
    *flags = 0;
    return S_OK;
}
