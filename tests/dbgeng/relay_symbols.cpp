// The relay's calls of IDebugSymbols3: those of the first two versions by the toolchain's own
// declaration, the others by their slots.
#include "relay.h"

namespace {

// Appends a result, a buffer, its size and an address.
void answer_name(Bytes &out, HRESULT result, const Buffer &buffer, ULONG used, ULONG64 offset) {
    answer(out, result, buffer, used);
    out.u64(offset);
}

void answer_module(Bytes &out, HRESULT result, ULONG index, ULONG64 base) {
    answer32(out, result, index);
    out.u64(base);
}

// Calls the method at a slot, with arguments of the types that it has.
template <typename... Arguments> HRESULT at_slot(void *object, unsigned slot, Arguments... arguments) {
    using Method = HRESULT(STDMETHODCALLTYPE *)(void *, Arguments...);
    void **table = *static_cast<void ***>(object);
    return reinterpret_cast<Method>(table[slot])(object, arguments...);
}

} // namespace

void relay_symbols(IDebugSymbols2 *symbols, USHORT slot, bool nulled, Reader &in, Bytes &out) {
    ULONG n = 0xdddddddd, m = 0xdddddddd;
    ULONG64 q = 0xdddddddddddddddd;
    ULONG *pn = nulled ? nullptr : &n, *pm = nulled ? nullptr : &m;
    ULONG64 *pq = nulled ? nullptr : &q;
    switch (slot) {
    case 3: answer(out, symbols->GetSymbolOptions(pn)); return out.u32(n);
    case 4: return answer(out, symbols->AddSymbolOptions(in.u32()));
    case 5: return answer(out, symbols->RemoveSymbolOptions(in.u32()));
    case 6: return answer(out, symbols->SetSymbolOptions(in.u32()));
    case 7: case 60: {
        ULONG64 offset = in.u64();
        Room room(in, slot == 7 ? 1 : 2);
        HRESULT result = slot == 7 ? symbols->GetNameByOffset(offset, room, room.size(), pn, pq)
                                   : at_slot<ULONG64, PWSTR>(symbols, slot, offset, room, room.size(), pn, pq);
        return answer_name(out, result, room, n, q);
    }
    case 8: {
        Text symbol(in);
        HRESULT result = symbols->GetOffsetByName(symbol, pq);
        return answer64(out, result, q);
    }
    case 9: case 62: {
        ULONG64 offset = in.u64();
        LONG delta = static_cast<LONG>(in.u32());
        Room room(in, slot == 9 ? 1 : 2);
        HRESULT result = slot == 9
                             ? symbols->GetNearNameByOffset(offset, delta, room, room.size(), pn, pq)
                             : at_slot<ULONG64, LONG, PWSTR>(symbols, slot, offset, delta, room, room.size(), pn, pq);
        return answer_name(out, result, room, n, q);
    }
    case 12:
        answer(out, symbols->GetNumberModules(pn, pm));
        out.u32(n);
        return out.u32(m);
    case 13: answer(out, symbols->GetModuleByIndex(in.u32(), pq)); return out.u64(q);
    case 14: case 93: {
        Text name(in);
        ULONG start = in.u32(), flags = slot == 93 ? in.u32() : 0;
        HRESULT result = slot == 14 ? symbols->GetModuleByModuleName(name, start, pn, pq)
                                    : at_slot<PCSTR>(symbols, slot, name, start, flags, pn, pq);
        return answer_module(out, result, n, q);
    }
    case 15: case 95: {
        ULONG64 offset = in.u64();
        ULONG start = in.u32(), flags = slot == 95 ? in.u32() : 0;
        HRESULT result = slot == 15 ? symbols->GetModuleByOffset(offset, start, pn, pq)
                                    : at_slot(symbols, slot, offset, start, flags, pn, pq);
        return answer_module(out, result, n, q);
    }
    case 16: {
        ULONG index = in.u32(), used[3] = {};
        ULONG64 base = in.u64();
        Room image(in), module(in), loaded(in);
        answer(out, symbols->GetModuleNames(index, base, image, image.size(), nulled ? nullptr : &used[0], module,
                                            module.size(), nulled ? nullptr : &used[1], loaded, loaded.size(),
                                            nulled ? nullptr : &used[2]));
        image.put(out);
        out.u32(used[0]);
        module.put(out);
        out.u32(used[1]);
        loaded.put(out);
        return out.u32(used[2]);
    }
    case 17:
        return answer_list<ULONG64, DEBUG_MODULE_PARAMETERS>(in, out, nulled, &Reader::u64, [&](auto... given) {
            return symbols->GetModuleParameters(given...);
        });
    case 36: {
        Text pattern(in);
        HRESULT result = symbols->StartSymbolMatch(pattern, pq);
        return answer64(out, result, q);
    }
    case 37: case 74: {
        ULONG64 handle = in.u64();
        Room room(in, slot == 37 ? 1 : 2);
        HRESULT result = slot == 37 ? symbols->GetNextSymbolMatch(handle, room, room.size(), pn, pq)
                                    : at_slot<ULONG64, PWSTR>(symbols, slot, handle, room, room.size(), pn, pq);
        return answer_name(out, result, room, n, q);
    }
    case 38: return answer(out, symbols->EndSymbolMatch(in.u64()));
    case 53: case 89: {
        ULONG which = in.u32(), index = in.u32();
        ULONG64 base = in.u64();
        Room room(in, slot == 53 ? 1 : 2);
        HRESULT result = slot == 53 ? symbols->GetModuleNameString(which, index, base, room, room.size(), pn)
                                    : at_slot<ULONG, ULONG, ULONG64, PWSTR>(symbols, slot, which, index, base, room,
                                                                            room.size(), pn);
        return answer(out, result, room, n);
    }
    case 96: {
        ULONG64 base = in.u64();
        ULONG size = in.u32();
        Text image(in), module(in);
        return answer(out, at_slot<ULONG64, ULONG, PCSTR, PCSTR>(symbols, slot, base, size, image, module, in.u32()));
    }
    case 98: return answer(out, at_slot(symbols, slot, in.u64()));
    case 107: {
        ULONG64 offset = in.u64();
        ULONG size = in.u32();
        Text name(in);
        ULONG flags = in.u32();
        // DEBUG_MODULE_AND_ID
        ULONG64 id[2] = {};
        HRESULT result = at_slot<ULONG64, ULONG, PCSTR, ULONG, void *>(symbols, slot, offset, size, name, flags,
                                                                       nulled ? nullptr : id);
        answer(out, result);
        size_t written = SUCCEEDED(result) && !nulled ? sizeof id : 0;
        out.u64(written);
        return out.append(id, written);
    }
    default: return answer(out, E_NOTIMPL);
    }
}
