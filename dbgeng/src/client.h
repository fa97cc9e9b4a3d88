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
    // A client of a link, or one by its own number, with a reference; null if there is none.
    static Client *on(LONG link);
    static Client *named(LONG serial);
    // Reads the events at the end of a reply and tells the callbacks of this client, or of all
    // clients of the process. Gives how the target is to go on if they want it to, else zero: the
    // stop, which follows, is then not told.
    ULONG tell(Reader &reply, bool text_only_here);

    Link *link;
    // Which client of the process it is, counted from 1.
    LONG serial;
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
    template <typename Wanted> static Client *first(Wanted wanted);
    struct Happened;
    ULONG ask(const Happened &event, bool text_only_here);

    Face faces_[FACES];
    LONG references_;
    // The clients of this process form a list.
    Client *next_, **previous_;
};

// A link of this process that is still in use, with a reference for the caller; or null.
Link *current_link();
