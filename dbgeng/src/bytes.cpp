#include "bytes.h"
#include <stdlib.h>
#include <string.h>

Bytes::~Bytes() { free(data_); }

bool Bytes::reserve(size_t capacity) {
    if (capacity <= capacity_) return true;
    size_t larger = capacity_ * 2 > capacity ? capacity_ * 2 : capacity;
    void *data = realloc(data_, larger);
    if (!data) {
        failed_ = true;
        return false;
    }
    data_ = static_cast<BYTE *>(data);
    capacity_ = larger;
    return true;
}

void Bytes::append(const void *bytes, size_t count) {
    if (count == 0 || count > SIZE_MAX / 4 || !reserve(size_ + count)) {
        failed_ |= count > SIZE_MAX / 4;
        return;
    }
    memcpy(data_ + size_, bytes, count);
    size_ += count;
}

void Bytes::patch_u32(size_t at, ULONG value) {
    if (size_ >= sizeof value && at <= size_ - sizeof value) memcpy(data_ + at, &value, sizeof value);
}

BYTE *Bytes::replace(size_t count) {
    if (!reserve(count)) return nullptr;
    size_ = count;
    return data_;
}

const BYTE *Reader::take(size_t count) {
    if (failed_ || count > left_) {
        failed_ = true;
        return nullptr;
    }
    const BYTE *taken = at_;
    at_ += count;
    left_ -= count;
    return taken;
}

template <typename Value> static Value number(Reader &reader) {
    Value value = 0;
    if (const BYTE *bytes = reader.take(sizeof value)) memcpy(&value, bytes, sizeof value);
    return value;
}

BYTE Reader::u8() { return number<BYTE>(*this); }
ULONG Reader::u32() { return number<ULONG>(*this); }
ULONG64 Reader::u64() { return number<ULONG64>(*this); }
