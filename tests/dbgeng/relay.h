// What a relayed call is made of: the parameters of a request, and how its answer is put together.
#pragma once
#include "../../dbgeng/src/bytes.h"
#include "check.h"

// A buffer of a request with its count: given bytes, or room for bytes. Null where the request
// says so.
struct Buffer {
    Buffer(Reader &in, size_t unit, bool given) : unit(unit), there(in.u8() != 0), count(in.u64()) {
        if (!there) return;
        // One byte more, so that an empty buffer is none the less there.
        memset(bytes.replace(kept() + 1), 0xa5, kept() + 1);
        if (!given) return;
        if (const BYTE *sent = in.take(kept())) memcpy(bytes.replace(kept() + 1), sent, kept());
    }

    template <typename Pointer> operator Pointer *() {
        return there ? reinterpret_cast<Pointer *>(const_cast<BYTE *>(bytes.data())) : nullptr;
    }
    ULONG size() const { return static_cast<ULONG>(count); }
    // How many bytes of it there are: not more than one transfer moves, whatever is promised.
    size_t kept() const { return count < (64 << 20) / unit ? count * unit : 64 << 20; }
    // Puts all of it into an answer.
    void put(Bytes &out) const {
        out.u64(!there ? 0 : unit == 8 ? kept() / 8 : kept());
        if (there) out.append(bytes.data(), kept());
    }

    size_t unit;
    bool there;
    ULONG64 count;
    Bytes bytes;
};

struct Room : Buffer {
    Room(Reader &in, size_t unit = 1) : Buffer(in, unit, false) {}
};

struct Data : Buffer {
    Data(Reader &in, size_t unit = 1) : Buffer(in, unit, true) {}
};

// Appends a result, a buffer and a count.
inline void answer(Bytes &out, HRESULT result, const Buffer &buffer, ULONG count) {
    out.u32(static_cast<ULONG>(result));
    buffer.put(out);
    out.u32(count);
}

inline void answer(Bytes &out, HRESULT result) { out.u32(static_cast<ULONG>(result)); }

inline void answer32(Bytes &out, HRESULT result, ULONG value) {
    answer(out, result);
    out.u32(value);
}

inline void answer64(Bytes &out, HRESULT result, ULONG64 value) {
    answer(out, result);
    out.u64(value);
}

// A call that is given names of things, or none and where to start, and gives a structure for each.
template <typename Name, typename Parameters, typename Call>
void answer_list(Reader &in, Bytes &out, bool nulled, Name (Reader::*read)(), Call call) {
    ULONG count = in.u32();
    Name names[16] = {};
    bool given = in.u8() != 0;
    ULONG64 listed = in.u64();
    for (ULONG64 i = 0; given && i < listed && i < ARRAYSIZE(names); i++) names[i] = (in.*read)();
    ULONG start = in.u32();
    Parameters found[16] = {};
    HRESULT result = call(count, given ? names : nullptr, start, nulled ? nullptr : found);
    answer(out, result);
    size_t size = SUCCEEDED(result) ? count * sizeof *found : 0;
    out.u64(size);
    out.append(found, size);
}

// A text of a request, with a zero behind it.
struct Text {
    explicit Text(Reader &in) {
        ULONG length = in.u32();
        const BYTE *sent = in.take(length);
        if (sent) bytes.append(sent, length);
        bytes.u8(0);
    }
    operator const char *() const { return reinterpret_cast<const char *>(bytes.data()); }

    Bytes bytes;
};

// Makes a call of IDebugSymbols3, of which the toolchain knows the first two versions.
void relay_symbols(IDebugSymbols2 *symbols, USHORT slot, bool nulled, Reader &in, Bytes &out);
