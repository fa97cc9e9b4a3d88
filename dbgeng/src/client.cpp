// IDebugClient to IDebugClient5, and what all clients of a process share.
#include "client.h"
#include "shapes.h"
#include <string.h>

namespace {

// Guards the list of clients and the callbacks of each.
SRWLOCK lock = SRWLOCK_INIT;
Client *clients = nullptr;

constexpr GUID IID_CLIENT5 = {0xe3acb9d7, 0x7ec2, 0x4f0c, {0xa0, 0xda, 0xe8, 0x1e, 0x0c, 0xbb, 0xe6, 0x28}};
constexpr GUID IID_CONTROL4 = {0x94e60ce9, 0x9b41, 0x4b19, {0x9f, 0xc0, 0x6d, 0x9e, 0xb3, 0x52, 0x72, 0xb3}};
constexpr GUID IID_REGISTERS2 = {0x1656afa9, 0x19c6, 0x4e3a, {0x97, 0xe7, 0x5d, 0xc9, 0x16, 0x0c, 0xf9, 0xc4}};
constexpr GUID IID_SYMBOLS3 = {0xf02fbecc, 0x50ac, 0x4f36, {0x9a, 0xd9, 0xc9, 0x75, 0xe8, 0xf3, 0x2f, 0xf8}};

// Which callbacks hear of an event.
enum Event : BYTE { CHANGE_DEBUGGEE_STATE = 1, CHANGE_ENGINE_STATE = 2, SESSION_STATUS = 3, OUTPUT = 4 };

} // namespace

// A face, its methods, and the identifiers that lead to it.
struct Client::Kind {
    Interface number;
    const Vtable *methods;
    const GUID *iids[6];
};

const Client::Kind Client::KINDS[FACES] = {
    {Interface::DebugClient, &CLIENT_METHODS,
     {&IID_IUnknown, &IID_IDebugClient, &IID_IDebugClient2, &IID_IDebugClient3, &IID_IDebugClient4, &IID_CLIENT5}},
    {Interface::Control, &CONTROL_METHODS, {&IID_IDebugControl, &IID_IDebugControl2, &IID_IDebugControl3, &IID_CONTROL4}},
    {Interface::DataSpaces, &DATA_SPACES_METHODS,
     {&IID_IDebugDataSpaces, &IID_IDebugDataSpaces2, &IID_IDebugDataSpaces3, &IID_IDebugDataSpaces4}},
    {Interface::Registers, &REGISTERS_METHODS, {&IID_IDebugRegisters, &IID_REGISTERS2}},
    {Interface::SystemObjects, &SYSTEM_OBJECTS_METHODS,
     {&IID_IDebugSystemObjects, &IID_IDebugSystemObjects2, &IID_IDebugSystemObjects3}},
    {Interface::Symbols, &SYMBOLS_METHODS, {&IID_IDebugSymbols, &IID_IDebugSymbols2, &IID_SYMBOLS3}},
    {Interface::HostMemory, &HOST_MEMORY_METHODS, {&IID_IDebugHostMemory, &IID_IDebugHostMemory2}},
    {Interface::HostMemory, &HOST_CONTEXT_METHODS, {&IID_IDebugHostContext}},
};

Client *Client::make(Link *link) { return new Client(link); }

Client::Client(Link *link)
    : link(link), output_callbacks(nullptr), event_callbacks(nullptr), output_mask(DEBUG_OUTPUT_NORMAL | DEBUG_OUTPUT_ERROR | DEBUG_OUTPUT_WARNING),
      output_width(80), references_(1) {
    link->add_ref();
    for (int i = 0; i < FACES; i++) faces_[i] = {KINDS[i].methods->slots, KINDS[i].number, this};
    AcquireSRWLockExclusive(&lock);
    next_ = clients;
    previous_ = &clients;
    if (next_) next_->previous_ = &next_;
    clients = this;
    ReleaseSRWLockExclusive(&lock);
}

Client::~Client() {
    AcquireSRWLockExclusive(&lock);
    *previous_ = next_;
    if (next_) next_->previous_ = previous_;
    ReleaseSRWLockExclusive(&lock);
    if (output_callbacks) output_callbacks->Release();
    if (event_callbacks) event_callbacks->Release();
    link->release();
}

HRESULT Client::query(REFIID iid, void **found) {
    if (!found) return E_INVALIDARG;
    for (int i = 0; i < FACES; i++) {
        for (const GUID *known : KINDS[i].iids) {
            if (!known || memcmp(known, &iid, sizeof iid) != 0) continue;
            add_ref();
            *found = &faces_[i];
            return S_OK;
        }
    }
    *found = nullptr;
    return E_NOINTERFACE;
}

ULONG Client::add_ref() { return static_cast<ULONG>(InterlockedIncrement(&references_)); }

ULONG Client::release() {
    LONG left = InterlockedDecrement(&references_);
    if (left == 0) delete this;
    return static_cast<ULONG>(left);
}

bool Client::owns(const void *context) {
    bool owned = false;
    AcquireSRWLockShared(&lock);
    for (Client *client = clients; client; client = client->next_) owned |= context == &client->faces_[FACES - 1];
    ReleaseSRWLockShared(&lock);
    return owned;
}

Link *current_link() {
    AcquireSRWLockShared(&lock);
    Link *link = clients ? clients->link : nullptr;
    if (link) link->add_ref();
    ReleaseSRWLockShared(&lock);
    return link;
}

// The callbacks of a client, held while they are called without the lock.
struct Client::Heard {
    IDebugOutputCallbacks *output;
    IDebugEventCallbacks *events;
    ULONG mask;
};

constexpr int MOST_HEARD = 64;

// Collects the callbacks of all clients, or of one.
int Client::all(Heard *heard, const Client *only) {
    int count = 0;
    AcquireSRWLockShared(&lock);
    for (Client *client = clients; client && count < MOST_HEARD; client = client->next_) {
        if (only && client != only) continue;
        heard[count] = {client->output_callbacks, client->event_callbacks, client->output_mask};
        if (heard[count].output) heard[count].output->AddRef();
        if (heard[count].events) heard[count].events->AddRef();
        count++;
    }
    ReleaseSRWLockShared(&lock);
    return count;
}

static void tell_events(IDebugEventCallbacks *callbacks, BYTE kind, ULONG flags, ULONG64 argument) {
    ULONG interest = 0;
    if (FAILED(callbacks->GetInterestMask(&interest))) return;
    if (kind == CHANGE_DEBUGGEE_STATE && interest & DEBUG_EVENT_CHANGE_DEBUGGEE_STATE)
        callbacks->ChangeDebuggeeState(flags, argument);
    if (kind == CHANGE_ENGINE_STATE && interest & DEBUG_EVENT_CHANGE_ENGINE_STATE)
        callbacks->ChangeEngineState(flags, argument);
    if (kind == SESSION_STATUS && interest & DEBUG_EVENT_SESSION_STATUS) callbacks->SessionStatus(flags);
}

void Client::tell(Reader &reply, bool text_only_here) {
    ULONG events = reply.u32();
    for (ULONG i = 0; i < events && !reply.failed(); i++) {
        BYTE kind = reply.u8();
        // Flags, a status, or the mask of a text.
        ULONG flags = reply.u32();
        ULONG64 argument = kind == CHANGE_DEBUGGEE_STATE || kind == CHANGE_ENGINE_STATE ? reply.u64() : 0;
        ULONG length = kind == OUTPUT ? reply.u32() : 0;
        const BYTE *text = length > 0 ? reply.take(length) : nullptr;
        Bytes terminated;
        terminated.append(text, text ? length : 0);
        terminated.u8(0);
        if (reply.failed() || terminated.failed()) return;
        Heard heard[MOST_HEARD];
        int count = all(heard, kind == OUTPUT && text_only_here ? this : nullptr);
        for (int k = 0; k < count; k++) {
            if (heard[k].events && kind != OUTPUT) tell_events(heard[k].events, kind, flags, argument);
            if (heard[k].output && kind == OUTPUT && heard[k].mask & flags)
                heard[k].output->Output(flags, reinterpret_cast<const char *>(terminated.data()));
            if (heard[k].output) heard[k].output->Release();
            if (heard[k].events) heard[k].events->Release();
        }
    }
}

namespace {

HRESULT attach_kernel(Face *self, ULONG flags, const char *options) {
    return Call(self, 3).u32(flags).text(options ? options : "").make();
}

// A client is in its server's session from the beginning.
HRESULT connect_session(Face *, ULONG, ULONG) { return S_OK; }

HRESULT create_client(Face *self, IDebugClient **made) {
    if (!made) return E_INVALIDARG;
    Client *client = Client::make(self->client->link);
    if (!client) return E_OUTOFMEMORY;
    HRESULT result = client->query(IID_IDebugClient, reinterpret_cast<void **>(made));
    client->release();
    return result;
}

// Reads and replaces callbacks, which are counted references.
template <typename Callbacks> HRESULT get_callbacks(Callbacks *const &place, Callbacks **callbacks) {
    if (!callbacks) return E_INVALIDARG;
    AcquireSRWLockShared(&lock);
    *callbacks = place;
    if (place) place->AddRef();
    ReleaseSRWLockShared(&lock);
    return S_OK;
}

template <typename Callbacks> HRESULT set_callbacks(Callbacks *&place, Callbacks *callbacks) {
    if (callbacks) callbacks->AddRef();
    AcquireSRWLockExclusive(&lock);
    Callbacks *old = place;
    place = callbacks;
    ReleaseSRWLockExclusive(&lock);
    if (old) old->Release();
    return S_OK;
}

HRESULT get_output_callbacks(Face *self, IDebugOutputCallbacks **callbacks) {
    return get_callbacks(self->client->output_callbacks, callbacks);
}

HRESULT set_output_callbacks(Face *self, IDebugOutputCallbacks *callbacks) {
    return set_callbacks(self->client->output_callbacks, callbacks);
}

HRESULT get_event_callbacks(Face *self, IDebugEventCallbacks **callbacks) {
    return get_callbacks(self->client->event_callbacks, callbacks);
}

HRESULT set_event_callbacks(Face *self, IDebugEventCallbacks *callbacks) {
    return set_callbacks(self->client->event_callbacks, callbacks);
}

// Settings that only this client has.
template <ULONG Client::*Setting> HRESULT get_setting(Face *self, ULONG *value) {
    if (!value) return E_INVALIDARG;
    *value = self->client->*Setting;
    return S_OK;
}

template <ULONG Client::*Setting> HRESULT set_setting(Face *self, ULONG value) {
    self->client->*Setting = value;
    return S_OK;
}

// Callbacks are called before the call that caused them returns; there is nothing to flush.
HRESULT flush_callbacks(Face *) { return S_OK; }

} // namespace

const Vtable CLIENT_METHODS = {
    at(3, attach_kernel),                        // AttachKernel
    at(21, connect_session),                     // ConnectSession
    at(26, set32<26>),                           // EndSession
    at(30, create_client),                       // CreateClient
    at(33, get_output_callbacks),                // GetOutputCallbacks
    at(34, set_output_callbacks),                // SetOutputCallbacks
    at(35, get_setting<&Client::output_mask>),   // GetOutputMask
    at(36, set_setting<&Client::output_mask>),   // SetOutputMask
    at(39, get_setting<&Client::output_width>),  // GetOutputWidth
    at(40, set_setting<&Client::output_width>),  // SetOutputWidth
    at(45, get_event_callbacks),                 // GetEventCallbacks
    at(46, set_event_callbacks),                 // SetEventCallbacks
    at(47, flush_callbacks),                     // FlushCallbacks
};
