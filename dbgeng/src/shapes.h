// The shapes that many methods have, by slot.
#pragma once
#include "call.h"

// Nothing in, nothing out.
template <unsigned Slot> HRESULT plain(Face *self) { return Call(self, Slot).make(); }

// One number out, which must have a place.
template <unsigned Slot> HRESULT get32(Face *self, ULONG *value) { return Call(self, Slot).must(value).make(); }

template <unsigned Slot> HRESULT get64(Face *self, ULONG64 *value) { return Call(self, Slot).must(value).make(); }

// One number in.
template <unsigned Slot> HRESULT set32(Face *self, ULONG value) { return Call(self, Slot).u32(value).make(); }

template <unsigned Slot> HRESULT set64(Face *self, ULONG64 value) { return Call(self, Slot).u64(value).make(); }

// One number in, another out.
template <unsigned Slot> HRESULT look_up32(Face *self, ULONG key, ULONG *value) {
    return Call(self, Slot).u32(key).must(value).make();
}

template <unsigned Slot> HRESULT look_up64(Face *self, ULONG64 key, ULONG64 *value) {
    return Call(self, Slot).u64(key).must(value).make();
}
