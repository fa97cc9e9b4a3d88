// The way to `ringhold serve`: a pool of connections to one address.
//
// A call takes a connection that is idle, or opens another one; so a call from a second thread,
// such as SetInterrupt during WaitForEvent, does not have to wait for the first. All connections
// to a server lead to the same session.
#pragma once
#include "allocated.h"
#include "bytes.h"

class Link : Allocated {
  public:
    // Which link of the process it is, counted from 1.
    const LONG serial;

    // A link to `HOST:PORT` or `unix:PATH`; opens the first connection. On success the caller
    // holds the one reference.
    static HRESULT open(const char *address, Link **link);

    void add_ref();
    void release();

    // Begins a request: room for its length and number. The caller appends the rest.
    static void begin(Bytes &request);
    // Completes and sends a request, and waits for the answer; gives what stands behind the number.
    HRESULT exchange(Bytes &request, Bytes &answer);

  private:
    // Connections beyond these are closed after use.
    static constexpr int IDLE = 4;

    Link();
    ~Link();
    HRESULT connect(UINT_PTR *socket);
    HRESULT take(UINT_PTR *socket);
    void give_back(UINT_PTR socket);

    LONG references_ = 1;
    LONG requests_ = 0;
    SRWLOCK lock_ = SRWLOCK_INIT;
    UINT_PTR idle_[IDLE];
    int idle_count_ = 0;
    char address_[300];
};
