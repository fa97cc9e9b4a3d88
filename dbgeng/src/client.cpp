// IDebugClient to IDebugClient5, and what all clients of a process share.
#include "client.h"
#include "breakpoint.h"
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
enum Event : BYTE {
    CHANGE_DEBUGGEE_STATE = 1,
    CHANGE_ENGINE_STATE = 2,
    SESSION_STATUS = 3,
    OUTPUT = 4,
    BREAKPOINT = 5,
    EXCEPTION = 6,
};

LONG made_clients = 0;

// What the callbacks say together: the status that stands first wins. NO_DEBUGGEE, OUT_OF_SYNC,
// WAIT_INPUT, TIMEOUT, BREAK, STEP_INTO, STEP_BRANCH, STEP_OVER, GO_NOT_HANDLED, GO_HANDLED, GO.
// NO_CHANGE and IGNORE_EVENT are no votes.
ULONG stronger(ULONG one, ULONG other) {
    static const ULONG ORDER[] = {7, 15, 16, 17, 6, 5, 8, 4, 3, 2, 1};
    for (ULONG status : ORDER) {
        if (one == status || other == status) return status;
    }
    return 0;
}

bool resumes(ULONG status) {
    return (status >= DEBUG_STATUS_GO && status <= DEBUG_STATUS_STEP_INTO) || status == DEBUG_STATUS_STEP_BRANCH;
}

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
    : link(link), serial(InterlockedIncrement(&made_clients)), output_callbacks(nullptr), event_callbacks(nullptr), output_mask(DEBUG_OUTPUT_NORMAL | DEBUG_OUTPUT_ERROR | DEBUG_OUTPUT_WARNING),
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

// The first client of the list that is wanted and still in use.
template <typename Wanted> Client *Client::first(Wanted wanted) {
    AcquireSRWLockShared(&lock);
    Client *client = clients;
    for (; client; client = client->next_) {
        if (!wanted(client)) continue;
        // One whose last reference is gone is about to leave the list.
        LONG now = client->references_;
        while (now > 0 && InterlockedCompareExchange(&client->references_, now + 1, now) != now) now = client->references_;
        if (now > 0) break;
    }
    ReleaseSRWLockShared(&lock);
    return client;
}

Client *Client::on(LONG link) {
    return first([=](const Client *client) { return client->link->serial == link; });
}

Client *Client::named(LONG serial) {
    return first([=](const Client *client) { return client->serial == serial; });
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
    LONG client;
};

constexpr int MOST_HEARD = 64;

// Collects the callbacks of all clients, or of one.
int Client::all(Heard *heard, const Client *only) {
    int count = 0;
    AcquireSRWLockShared(&lock);
    for (Client *client = clients; client && count < MOST_HEARD; client = client->next_) {
        if (only && client != only) continue;
        heard[count] = {client->output_callbacks, client->event_callbacks, client->output_mask, client->serial};
        if (heard[count].output) heard[count].output->AddRef();
        if (heard[count].events) heard[count].events->AddRef();
        count++;
    }
    ReleaseSRWLockShared(&lock);
    return count;
}

// An event, as far as its kind has it.
struct Client::Happened {
    BYTE kind;
    // Flags, a status, the mask of a text, or the code of an exception.
    ULONG flags = 0;
    // The argument, or the address of an exception.
    ULONG64 argument = 0;
    ULONG first_chance = 0;
    Breakpoint *breakpoint = nullptr;
    Bytes text;

    Happened(Reader &reply, const Link *link) : kind(reply.u8()) {
        if (kind == BREAKPOINT) {
            breakpoint = Breakpoint::of(link, reply.u64());
            reply.u32();
            flags = reply.u32();
            return;
        }
        flags = reply.u32();
        if (kind == CHANGE_DEBUGGEE_STATE || kind == CHANGE_ENGINE_STATE || kind == EXCEPTION) argument = reply.u64();
        if (kind == EXCEPTION) first_chance = reply.u32();
        ULONG length = kind == OUTPUT ? reply.u32() : 0;
        const BYTE *bytes = length > 0 ? reply.take(length) : nullptr;
        text.append(bytes, bytes ? length : 0);
        text.u8(0);
    }

    // Whether callbacks are asked how the target is to go on.
    bool asks() const { return kind == BREAKPOINT || kind == EXCEPTION; }

    HRESULT tell(IDebugEventCallbacks *callbacks, ULONG interest, LONG client) const {
        switch (kind) {
        case CHANGE_DEBUGGEE_STATE:
            return interest & DEBUG_EVENT_CHANGE_DEBUGGEE_STATE ? callbacks->ChangeDebuggeeState(flags, argument) : 0;
        case CHANGE_ENGINE_STATE:
            return interest & DEBUG_EVENT_CHANGE_ENGINE_STATE ? callbacks->ChangeEngineState(flags, argument) : 0;
        case SESSION_STATUS: return interest & DEBUG_EVENT_SESSION_STATUS ? callbacks->SessionStatus(flags) : 0;
        case BREAKPOINT: {
            if (!breakpoint || !(interest & DEBUG_EVENT_BREAKPOINT)) return 0;
            if (flags & DEBUG_BREAKPOINT_ADDER_ONLY && breakpoint->adder != client) return 0;
            return callbacks->Breakpoint(reinterpret_cast<IDebugBreakpoint *>(breakpoint));
        }
        case EXCEPTION: {
            if (!(interest & DEBUG_EVENT_EXCEPTION)) return 0;
            EXCEPTION_RECORD64 record = {};
            record.ExceptionCode = static_cast<DWORD>(flags);
            record.ExceptionAddress = argument;
            return callbacks->Exception(&record, first_chance);
        }
        default: return 0;
        }
    }
};

// Tells all clients of an event; gives what they say to it together.
ULONG Client::ask(const Happened &event, bool text_only_here) {
    Heard heard[MOST_HEARD];
    int count = all(heard, event.kind == OUTPUT && text_only_here ? this : nullptr);
    ULONG vote = 0;
    for (int k = 0; k < count; k++) {
        ULONG interest = 0;
        if (heard[k].events && event.kind != OUTPUT && SUCCEEDED(heard[k].events->GetInterestMask(&interest)))
            vote = stronger(vote, static_cast<ULONG>(event.tell(heard[k].events, interest, heard[k].client)));
        if (heard[k].output && event.kind == OUTPUT && heard[k].mask & event.flags)
            heard[k].output->Output(event.flags, reinterpret_cast<const char *>(event.text.data()));
        if (heard[k].output) heard[k].output->Release();
        if (heard[k].events) heard[k].events->Release();
    }
    return event.asks() ? vote : 0;
}

ULONG Client::tell(Reader &reply, bool text_only_here) {
    ULONG events = reply.u32(), vote = 0;
    for (ULONG i = 0; i < events && !reply.failed(); i++) {
        Happened event(reply, link);
        if (reply.failed() || event.text.failed()) return 0;
        // All that is asked comes before the stop.
        if (!event.asks() && resumes(vote)) return vote;
        vote = stronger(vote, ask(event, text_only_here));
    }
    return resumes(vote) ? vote : 0;
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
