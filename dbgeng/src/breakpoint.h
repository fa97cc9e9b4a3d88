// IDebugBreakpoint: objects that name a breakpoint of the session.
//
// As in DbgEng, a breakpoint is not its references' affair: it lives until RemoveBreakpoint. There
// is one object for each, whichever way a client comes to it, and it is never freed: whoever keeps
// it too long finds an object that answers E_NOINTERFACE.
#pragma once
#include "client.h"

struct Breakpoint : Face {
    // The object of a breakpoint; null if there is no memory. `adder` is the client that has just
    // added it.
    static Breakpoint *of(const Link *link, ULONG64 handle, const Client *adder = nullptr);
    // The object that a client's pointer leads to; null if it leads to none of ours.
    static Breakpoint *known(const void *pointer);

    // A client whose connection leads to the session, with a reference; null if all have gone.
    Client *reach() const { return Client::on(session); }

    ULONG64 handle;
    // What names the link and the adding client; zero if no client of this process added it.
    LONG session, adder;

  private:
    Breakpoint *next_;
};
