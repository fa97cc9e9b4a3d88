// A growing array of bytes: what goes over the wire, little-endian.
#pragma once
#include <windows.h>

class Bytes {
  public:
    Bytes() = default;
    ~Bytes();
    Bytes(const Bytes &) = delete;
    Bytes &operator=(const Bytes &) = delete;

    const BYTE *data() const { return data_; }
    size_t size() const { return size_; }
    // Whether memory ran out in any of the appends.
    bool failed() const { return failed_; }

    void append(const void *bytes, size_t count);
    void u8(BYTE value) { append(&value, sizeof value); }
    void u16(USHORT value) { append(&value, sizeof value); }
    void u32(ULONG value) { append(&value, sizeof value); }
    void u64(ULONG64 value) { append(&value, sizeof value); }
    // Overwrites four bytes that are there.
    void patch_u32(size_t at, ULONG value);
    // Makes room for exactly so many bytes in place of what is there; null if there is no memory.
    BYTE *replace(size_t count);
    void clear() { size_ = 0; }

  private:
    bool reserve(size_t capacity);

    BYTE *data_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
    bool failed_ = false;
};

// Takes bytes apart from the front. After the end everything is zero and `failed` says so.
class Reader {
  public:
    Reader(const BYTE *data, size_t size) : at_(data), left_(size) {}

    size_t left() const { return left_; }
    bool failed() const { return failed_; }

    // The next bytes, or null.
    const BYTE *take(size_t count);
    BYTE u8();
    ULONG u32();
    ULONG64 u64();

  private:
    const BYTE *at_;
    size_t left_;
    bool failed_ = false;
};
