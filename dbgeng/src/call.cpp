#include "call.h"
#include "client.h"
#include <string.h>

Call::Call(Face *self, unsigned slot) : client_(self->client) {
    Link::begin(request_);
    request_.u16(static_cast<USHORT>(self->number));
    request_.u16(static_cast<USHORT>(slot));
}

Call &Call::u32(ULONG value) {
    request_.u32(value);
    return *this;
}

Call &Call::u64(ULONG64 value) {
    request_.u64(value);
    return *this;
}

Call &Call::flag(bool value) {
    request_.u8(value ? 1 : 0);
    return *this;
}

Call &Call::elements(const void *elements, ULONG64 count, size_t size) {
    request_.u8(elements ? 1 : 0);
    request_.u64(count);
    if (!elements) return *this;
    if (count > MAX_TRANSFER / size) {
        wrong_ = E_OUTOFMEMORY;
        return *this;
    }
    request_.append(elements, count * size);
    return *this;
}

Call &Call::text(const char *text) {
    insist(text);
    size_t length = text ? strlen(text) : 0;
    request_.u32(static_cast<ULONG>(length));
    request_.append(text, length);
    return *this;
}

Call &Call::text(const wchar_t *text) {
    insist(text);
    if (!text) return *this;
    int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
    Bytes narrow;
    BYTE *room = length > 0 ? narrow.replace(static_cast<size_t>(length)) : nullptr;
    if (!room) {
        wrong_ = E_INVALIDARG;
        return *this;
    }
    WideCharToMultiByte(CP_UTF8, 0, text, -1, reinterpret_cast<char *>(room), length, nullptr, nullptr);
    return this->text(reinterpret_cast<const char *>(room));
}

Call &Call::raw(const void *bytes, size_t count) {
    insist(bytes);
    if (bytes) request_.append(bytes, count);
    return *this;
}

Call &Call::promise(const void *buffer, ULONG64 count) {
    request_.u8(buffer ? 1 : 0);
    request_.u64(count);
    return *this;
}

Call &Call::insist(const void *pointer) {
    if (!pointer) wrong_ = E_INVALIDARG;
    return *this;
}

Call &Call::output(Output kind, void *to, ULONG64 room) {
    // No method has more, so this is never too small.
    if (expected_count_ < MOST_OUTPUTS) expected_[expected_count_++] = {kind, to, room};
    return *this;
}

Call &Call::only_here() {
    only_here_ = true;
    return *this;
}

HRESULT Call::make() {
    if (FAILED(wrong_)) return wrong_;
    Bytes answer;
    HRESULT sent = client_->link->exchange(request_, answer);
    if (FAILED(sent)) return sent;
    Reader reply(answer.data(), answer.size());
    HRESULT result = static_cast<HRESULT>(reply.u32());
    // Of a method that the server does not have comes no output, only the number of events.
    if (reply.left() > sizeof(ULONG)) {
        for (int i = 0; i < expected_count_; i++) fill(reply, expected_[i]);
    }
    resumed_ = client_->tell(reply, only_here_);
    return reply.failed() ? E_UNEXPECTED : result;
}

void Call::fill(Reader &reply, const Expected &expected) {
    switch (expected.kind) {
    case Output::U32: {
        ULONG value = reply.u32();
        if (expected.to) *static_cast<ULONG *>(expected.to) = value;
        break;
    }
    case Output::U64: {
        ULONG64 value = reply.u64();
        if (expected.to) *static_cast<ULONG64 *>(expected.to) = value;
        break;
    }
    case Output::Guid:
        if (const BYTE *guid = reply.take(sizeof(GUID))) memcpy(expected.to, guid, sizeof(GUID));
        break;
    case Output::Buffer: return fill_array(reply, expected, 1, 1);
    // Wide characters are counted in bytes on the wire and by themselves in the room.
    case Output::WideBuffer: return fill_array(reply, expected, sizeof(wchar_t), 1);
    case Output::Pointers: return fill_array(reply, expected, sizeof(ULONG64), sizeof(ULONG64));
    }
}

// Copies what came into a buffer of `expected.room` units of `stored` bytes; the wire counts in
// units of `sent` bytes.
void Call::fill_array(Reader &reply, const Expected &expected, size_t stored, size_t sent) {
    ULONG64 count = reply.u64();
    // A count too large for the reply is refused by `take`.
    const BYTE *bytes = reply.take(count > SIZE_MAX / sent ? SIZE_MAX : count * sent);
    if (!bytes || !expected.to) return;
    ULONG64 most = expected.room > SIZE_MAX / stored ? SIZE_MAX : expected.room * stored;
    memcpy(expected.to, bytes, count * sent < most ? count * sent : most);
}
