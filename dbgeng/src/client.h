// A client of the engine: what DebugCreate makes.
#pragma once
#include "allocated.h"
#include "object.h"

struct Client : Allocated {
    // A new client on a link, with one reference; null if there is no memory. Takes a reference
    // to the link.
    static Client *make(Link *link);

    // IUnknown, the same through all faces.
    HRESULT query(REFIID iid, void **found);
    ULONG add_ref();
    ULONG release();

    // Whether a context is one of this DLL's: the session's current one.
    static bool owns(const void *context);
    // Reads the events at the end of a reply and tells the callbacks of this client, or of all
    // clients of the process.
    void tell(Reader &reply, bool text_only_here);

    Link *link;
    IDebugOutputCallbacks *output_callbacks;
    IDebugEventCallbacks *event_callbacks;
    ULONG output_mask;
    ULONG output_width;

  private:
    struct Kind;
    struct Heard;
    static constexpr int FACES = 8;
    static const Kind KINDS[];

    explicit Client(Link *link);
    ~Client();
    static int all(Heard *heard, const Client *only);

    Face faces_[FACES];
    LONG references_;
    // The clients of this process form a list.
    Client *next_, **previous_;
};

// A link of this process that is still in use, with a reference for the caller; or null.
Link *current_link();
