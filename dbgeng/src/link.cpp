// Before <windows.h>, which link.h includes.
#include <winsock2.h>

#include "link.h"
#include <ws2tcpip.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

namespace {

// As <afunix.h> has it, which older mingw-w64 lack.
struct UnixAddress {
    USHORT family;
    char path[108];
};

// The largest answer that a server sends.
constexpr ULONG LARGEST_FRAME = 65u << 20;

HRESULT last_error() { return HRESULT_FROM_WIN32(static_cast<DWORD>(WSAGetLastError())); }

// Windows needs to be told that sockets are used, once for each process.
bool sockets_are_ready() {
    static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
    auto start = [](INIT_ONCE *, void *, void **) -> BOOL {
        WSADATA data;
        return WSAStartup(MAKEWORD(2, 2), &data) == 0;
    };
    return InitOnceExecuteOnce(&once, start, nullptr, nullptr);
}

bool send_all(SOCKET socket, const BYTE *bytes, size_t count) {
    while (count > 0) {
        int part = count > INT_MAX ? INT_MAX : static_cast<int>(count);
        int sent = send(socket, reinterpret_cast<const char *>(bytes), part, 0);
        if (sent <= 0) return false;
        bytes += sent;
        count -= static_cast<size_t>(sent);
    }
    return true;
}

bool receive_all(SOCKET socket, BYTE *bytes, size_t count) {
    while (count > 0) {
        int part = count > INT_MAX ? INT_MAX : static_cast<int>(count);
        int received = recv(socket, reinterpret_cast<char *>(bytes), part, 0);
        if (received <= 0) return false;
        bytes += received;
        count -= static_cast<size_t>(received);
    }
    return true;
}

// An answer is its length in four bytes, then the number of the request in four, then the reply.
bool receive_answer(SOCKET socket, ULONG number, Bytes &reply) {
    ULONG head[2];
    if (!receive_all(socket, reinterpret_cast<BYTE *>(head), sizeof head)) return false;
    if (head[0] < sizeof number || head[0] > LARGEST_FRAME || head[1] != number) return false;
    BYTE *room = reply.replace(head[0] - sizeof number);
    return room && receive_all(socket, room, reply.size());
}

HRESULT connect_unix(const char *path, SOCKET *connected) {
    UnixAddress address = {AF_UNIX, {}};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.path) return E_INVALIDARG;
    memcpy(address.path, path, length);
    SOCKET socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (socket == INVALID_SOCKET) return last_error();
    if (::connect(socket, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
        HRESULT why = last_error();
        closesocket(socket);
        return why;
    }
    *connected = socket;
    return S_OK;
}

HRESULT connect_tcp(const char *host_and_port, SOCKET *connected) {
    const char *colon = strrchr(host_and_port, ':');
    char host[256];
    if (!colon || colon[1] == 0 || static_cast<size_t>(colon - host_and_port) >= sizeof host) return E_INVALIDARG;
    size_t length = static_cast<size_t>(colon - host_and_port);
    // An IPv6 address stands in brackets.
    bool bracketed = length >= 2 && host_and_port[0] == '[' && host_and_port[length - 1] == ']';
    length -= bracketed ? 2 : 0;
    memcpy(host, host_and_port + (bracketed ? 1 : 0), length);
    host[length] = 0;
    addrinfo wanted = {};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo *found = nullptr;
    if (getaddrinfo(host, colon + 1, &wanted, &found) != 0) return last_error();
    HRESULT why = HRESULT_FROM_WIN32(ERROR_HOST_UNREACHABLE);
    for (addrinfo *one = found; one; one = one->ai_next) {
        SOCKET socket = ::socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (socket != INVALID_SOCKET && ::connect(socket, one->ai_addr, static_cast<int>(one->ai_addrlen)) == 0) {
            // Calls are short and each waits for its answer.
            BOOL at_once = TRUE;
            setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<char *>(&at_once), sizeof at_once);
            *connected = socket;
            why = S_OK;
            break;
        }
        why = last_error();
        if (socket != INVALID_SOCKET) closesocket(socket);
    }
    freeaddrinfo(found);
    return why;
}

} // namespace

HRESULT Link::open(const char *address, Link **link) {
    if (!sockets_are_ready()) return HRESULT_FROM_WIN32(WSANOTINITIALISED);
    Link *made = new Link;
    if (!made) return E_OUTOFMEMORY;
    HRESULT why = E_INVALIDARG;
    if (strlen(address) < sizeof made->address_) {
        strcpy(made->address_, address);
        SOCKET first;
        why = made->connect(&first);
        if (SUCCEEDED(why)) made->give_back(first);
    }
    if (FAILED(why)) {
        made->release();
        return why;
    }
    *link = made;
    return S_OK;
}

Link::~Link() {
    for (int i = 0; i < idle_count_; i++) closesocket(idle_[i]);
}

void Link::add_ref() { InterlockedIncrement(&references_); }

void Link::release() {
    if (InterlockedDecrement(&references_) == 0) delete this;
}

static LONG links = 0;

Link::Link() : serial(InterlockedIncrement(&links)) {}

HRESULT Link::connect(UINT_PTR *socket) {
    if (strncmp(address_, "unix:", 5) == 0) return connect_unix(address_ + 5, socket);
    return connect_tcp(address_, socket);
}

HRESULT Link::take(UINT_PTR *socket) {
    AcquireSRWLockExclusive(&lock_);
    bool idle = idle_count_ > 0;
    if (idle) *socket = idle_[--idle_count_];
    ReleaseSRWLockExclusive(&lock_);
    return idle ? S_OK : connect(socket);
}

void Link::give_back(UINT_PTR socket) {
    AcquireSRWLockExclusive(&lock_);
    bool kept = idle_count_ < IDLE;
    if (kept) idle_[idle_count_++] = socket;
    ReleaseSRWLockExclusive(&lock_);
    if (!kept) closesocket(socket);
}

void Link::begin(Bytes &request) {
    request.u32(0);
    request.u32(0);
}

HRESULT Link::exchange(Bytes &request, Bytes &answer) {
    ULONG number = static_cast<ULONG>(InterlockedIncrement(&requests_));
    request.patch_u32(0, static_cast<ULONG>(request.size() - sizeof(ULONG)));
    request.patch_u32(sizeof(ULONG), number);
    if (request.failed()) return E_OUTOFMEMORY;
    UINT_PTR socket;
    HRESULT why = take(&socket);
    if (FAILED(why)) return why;
    if (send_all(socket, request.data(), request.size()) && receive_answer(socket, number, answer)) {
        give_back(socket);
        return S_OK;
    }
    // The server has gone, or has closed the connection because of this request.
    closesocket(socket);
    return E_UNEXPECTED;
}
