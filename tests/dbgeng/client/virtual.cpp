// Virtual memory: section 3.1 to 3.4 and 3.13 to 3.19 of the contract.
#include "target.h"

static void writes_stop_at_a_hole(Target &target) {
    BYTE bytes[32], back[32];
    for (int i = 0; i < 32; i++) bytes[i] = static_cast<BYTE>(0x40 + i);
    ULONG64 at = HOLE - 16, entry = target.get64(TABLE + 8);
    ULONG count = 77;
    HRESULT result = target.spaces->WriteVirtual(at, bytes, sizeof bytes, &count);
    moves("WriteVirtual up to a hole, into a read-only page", result, S_OK, count, 16);
    memset(back, 0xee, sizeof back);
    result = target.spaces->ReadVirtual(at, back, sizeof back, &count);
    moves("ReadVirtual up to a hole", result, S_OK, count, 16);
    is_true("the bytes landed", memcmp(bytes, back, 16) == 0);
    is_true("the buffer behind the count is untouched", back[16] == 0xee && back[31] == 0xee);
    result = target.spaces->ReadPhysical(DATA + 2 * PAGE - 16, back, 16, &count);
    moves("ReadPhysical of what was written", result, S_OK, count, 16);
    is_true("it is in the page's memory", memcmp(bytes, back, 16) == 0);
    same("the page's entry is as before", target.get64(TABLE + 8), entry);

    bytes[0] = 0x99;
    result = target.spaces->WriteVirtualUncached(at, bytes, sizeof bytes, &count);
    moves("WriteVirtualUncached up to a hole", result, S_OK, count, 16);
    result = target.spaces->ReadVirtualUncached(at, back, sizeof back, &count);
    moves("ReadVirtualUncached up to a hole", result, S_OK, count, 16);
    same("its first byte", back[0], 0x99);

    moves("WriteVirtual into a hole", target.spaces->WriteVirtual(HOLE, bytes, 8, &count), WRITE_FAULT, count, 0);
    count = 77;
    result = target.spaces->WriteVirtualUncached(HOLE, bytes, 8, &count);
    moves("WriteVirtualUncached into a hole", result, WRITE_FAULT, count, 0);
    count = 77;
    moves("ReadVirtual of a hole", target.spaces->ReadVirtual(HOLE, back, 8, &count), READ_FAULT, count, 0);
    result = target.spaces->WriteVirtual(0x8000000000000000, bytes, 8, &count);
    moves("WriteVirtual to an address that is not canonical", result, WRITE_FAULT, count, 0);
    result = target.spaces->WriteVirtual(~0ull, bytes, 8, &count);
    moves("WriteVirtual at the top of the address space", result, WRITE_FAULT, count, 0);

    count = 77;
    moves("WriteVirtual of nothing", target.spaces->WriteVirtual(HOLE, nullptr, 0, &count), S_OK, count, 0);
    gives("WriteVirtual without a count", target.spaces->WriteVirtual(VIRTUAL, bytes, 8, nullptr), S_OK);
    gives("ReadVirtual without a count", target.spaces->ReadVirtual(VIRTUAL, back, 8, nullptr), S_OK);
    count = 77;
    result = target.spaces->WriteVirtual(VIRTUAL, nullptr, 8, &count);
    moves("WriteVirtual without a buffer", result, E_INVALIDARG, count, 0);
    gives("ReadVirtual without a buffer", target.spaces->ReadVirtual(VIRTUAL, nullptr, 8, nullptr), E_INVALIDARG);
}

static void searches(Target &target) {
    BYTE pattern[] = {0xca, 0xfe, 0xba, 0xbe};
    ULONG64 across = VIRTUAL + PAGE - 2, found = 0;
    need("WriteVirtual", target.spaces->WriteVirtual(across, pattern, 4, nullptr));
    HRESULT result = target.spaces->SearchVirtual(VIRTUAL, 2 * PAGE, pattern, 4, 1, &found);
    moves("SearchVirtual across a page boundary", result, S_OK, found, across);
    result = target.spaces->SearchVirtual(VIRTUAL, PAGE + 1, pattern, 4, 1, &found);
    gives("SearchVirtual of what ends behind the range", result, NO_MORE_ENTRIES);
    gives("SearchVirtual in steps of 4", target.spaces->SearchVirtual(VIRTUAL, 2 * PAGE, pattern, 4, 4, &found),
          NO_MORE_ENTRIES);
    gives("SearchVirtual with a granularity that does not divide",
          target.spaces->SearchVirtual(VIRTUAL, PAGE, pattern, 4, 3, &found), E_INVALIDARG);
    gives("SearchVirtual for nothing", target.spaces->SearchVirtual(VIRTUAL, PAGE, pattern, 0, 1, &found), E_INVALIDARG);
    gives("SearchVirtual without a place for the match",
          target.spaces->SearchVirtual(VIRTUAL, PAGE, pattern, 4, 1, nullptr), E_INVALIDARG);
    ULONG64 read_only = VIRTUAL + PAGE + 0x100, beyond = HOLE + PAGE + 0x20;
    need("WriteVirtual", target.spaces->WriteVirtual(read_only, pattern, 3, nullptr));
    need("WriteVirtual", target.spaces->WriteVirtual(beyond, pattern, 3, nullptr));
    result = target.spaces->SearchVirtual2(VIRTUAL + PAGE, 3 * PAGE, DEBUG_VSEARCH_DEFAULT, pattern, 3, 1, &found);
    moves("SearchVirtual2", result, S_OK, found, read_only);
    result = target.spaces->SearchVirtual2(VIRTUAL + PAGE, 3 * PAGE, DEBUG_VSEARCH_WRITABLE_ONLY, pattern, 3, 1, &found);
    moves("SearchVirtual2 of writable pages, past a hole", result, S_OK, found, beyond);
    gives("SearchVirtual2 with unknown flags", target.spaces->SearchVirtual2(VIRTUAL, PAGE, 2, pattern, 3, 1, &found),
          E_INVALIDARG);
}

static void pointers(Target &target) {
    ULONG64 sent[3] = {0x1122334455667788, 0xffffffff80000000, 5}, back[3] = {};
    gives("WritePointersVirtual", target.spaces->WritePointersVirtual(3, VIRTUAL + 8, sent), S_OK);
    gives("ReadPointersVirtual", target.spaces->ReadPointersVirtual(3, VIRTUAL + 8, back), S_OK);
    is_true("the pointers are the same", memcmp(sent, back, sizeof sent) == 0);
    gives("ReadPointersVirtual into a hole", target.spaces->ReadPointersVirtual(3, HOLE - 16, back), READ_FAULT);
    gives("WritePointersVirtual into a hole", target.spaces->WritePointersVirtual(3, HOLE - 16, sent), WRITE_FAULT);
    gives("ReadPointersVirtual without a place", target.spaces->ReadPointersVirtual(3, VIRTUAL, nullptr), E_INVALIDARG);

    gives("SetEffectiveProcessorType(I386)", target.control->SetEffectiveProcessorType(0x14c), S_OK);
    gives("IsPointer64Bit of a 32-bit machine", target.control->IsPointer64Bit(), S_FALSE);
    sent[0] = 0x80000000;
    gives("WritePointersVirtual, 32 bits", target.spaces->WritePointersVirtual(1, VIRTUAL, sent), S_OK);
    gives("ReadPointersVirtual, 32 bits", target.spaces->ReadPointersVirtual(1, VIRTUAL, back), S_OK);
    same("it is sign-extended", back[0], 0xffffffff80000000);
    gives("ReadPointers, 32 bits", target.memory->ReadPointers(nullptr, {0, VIRTUAL}, 1, back), S_OK);
    same("it is zero-extended", back[0], 0x80000000);
    gives("SetEffectiveProcessorType(AMD64)", target.control->SetEffectiveProcessorType(0x8664), S_OK);
    gives("IsPointer64Bit", target.control->IsPointer64Bit(), S_OK);
}

static void strings(Target &target) {
    char text[] = "ringhold";
    char back[16];
    wchar_t wide[16];
    ULONG bytes = 0;
    need("WriteVirtual", target.spaces->WriteVirtual(VIRTUAL + 64, text, sizeof text, nullptr));
    HRESULT result = target.spaces->ReadMultiByteStringVirtual(VIRTUAL + 64, 100, back, sizeof back, &bytes);
    moves("ReadMultiByteStringVirtual", result, S_OK, bytes, 9);
    is_true("the string", strcmp(back, text) == 0);
    result = target.spaces->ReadMultiByteStringVirtual(VIRTUAL + 64, 100, back, 9, &bytes);
    moves("ReadMultiByteStringVirtual that just fits", result, S_OK, bytes, 9);
    result = target.spaces->ReadMultiByteStringVirtual(VIRTUAL + 64, 100, back, 5, &bytes);
    moves("ReadMultiByteStringVirtual cut short", result, S_FALSE, bytes, 9);
    is_true("it is terminated", strcmp(back, "ring") == 0);
    gives("ReadMultiByteStringVirtual without a terminator",
          target.spaces->ReadMultiByteStringVirtual(VIRTUAL + 64, 4, back, sizeof back, &bytes), E_INVALIDARG);
    result = target.spaces->ReadMultiByteStringVirtual(VIRTUAL + 64, 100, nullptr, 0, &bytes);
    moves("ReadMultiByteStringVirtual of the length alone", result, S_OK, bytes, 9);
    gives("ReadMultiByteStringVirtual of a hole",
          target.spaces->ReadMultiByteStringVirtual(HOLE, 100, back, sizeof back, &bytes), READ_FAULT);
    result = target.spaces->ReadMultiByteStringVirtualWide(VIRTUAL + 64, 100, CP_UTF8, wide, 16, &bytes);
    moves("ReadMultiByteStringVirtualWide", result, S_OK, bytes, 9);
    is_true("the string made wide", wcscmp(wide, L"ringhold") == 0);
    wchar_t sent[] = L"K\u00f6ln";
    need("WriteVirtual", target.spaces->WriteVirtual(VIRTUAL + 128, sent, sizeof sent, nullptr));
    result = target.spaces->ReadUnicodeStringVirtualWide(VIRTUAL + 128, 100, wide, 16, &bytes);
    moves("ReadUnicodeStringVirtualWide", result, S_OK, bytes, sizeof sent);
    is_true("the wide string", wcscmp(wide, sent) == 0);
    result = target.spaces->ReadUnicodeStringVirtual(VIRTUAL + 128, 100, CP_UTF8, back, sizeof back, &bytes);
    moves("ReadUnicodeStringVirtual", result, S_OK, bytes, sizeof sent);
    is_true("the wide string as UTF-8", strcmp(back, "K\xc3\xb6ln") == 0);
}

static void translations(Target &target) {
    ULONG64 physical = 0, offsets[6] = {};
    ULONG levels = 0;
    HRESULT result = target.spaces->VirtualToPhysical(VIRTUAL + 0x123, &physical);
    moves("VirtualToPhysical", result, S_OK, physical, DATA + 0x123);
    gives("VirtualToPhysical of a hole", target.spaces->VirtualToPhysical(HOLE, &physical), NO_PAGEFILE);
    gives("VirtualToPhysical without a place", target.spaces->VirtualToPhysical(VIRTUAL, nullptr), E_INVALIDARG);
    result = target.spaces->GetVirtualTranslationPhysicalOffsets(VIRTUAL + 0x123, offsets, 6, &levels);
    moves("the walk of a 4 KiB page", result, S_OK, levels, 5);
    same("its PML4E", offsets[0], ROOT + 8);
    same("its PTE", offsets[3], TABLE);
    same("its end", offsets[4], DATA + 0x123);
    result = target.spaces->GetVirtualTranslationPhysicalOffsets(LARGE_VIRTUAL + 5, offsets, 6, &levels);
    moves("the walk of a 2 MiB page", result, S_OK, levels, 4);
    same("its end", offsets[3], LARGE + 5);
    offsets[2] = 42;
    result = target.spaces->GetVirtualTranslationPhysicalOffsets(VIRTUAL, offsets, 2, &levels);
    moves("a walk into too small an array", result, S_FALSE, levels, 5);
    same("the array behind its end", offsets[2], 42);
    result = target.spaces->GetVirtualTranslationPhysicalOffsets(VIRTUAL, nullptr, 0, &levels);
    moves("the length of a walk alone", result, S_OK, levels, 5);
    result = target.spaces->GetVirtualTranslationPhysicalOffsets(HOLE, offsets, 6, &levels);
    moves("a walk that ends early", result, NO_PAGEFILE, levels, 4);
    same("where it ended", offsets[3], TABLE + 16);
}

static void fills_and_regions(Target &target) {
    BYTE pattern[] = {1, 2, 3, 4, 5, 6, 7, 8}, back[24];
    ULONG filled = 0;
    memset(back, 0xee, sizeof back);
    need("WriteVirtual", target.spaces->WriteVirtual(VIRTUAL + 256, back, sizeof back, nullptr));
    HRESULT result = target.spaces->FillVirtual(VIRTUAL + 256, 21, pattern, 8, &filled);
    moves("FillVirtual of 21 bytes with 8", result, S_OK, filled, 21);
    need("ReadVirtual", target.spaces->ReadVirtual(VIRTUAL + 256, back, sizeof back, nullptr));
    is_true("the last copy is cut to 5", back[15] == 8 && back[20] == 5 && back[21] == 0xee);
    result = target.spaces->FillPhysical(DATA + 512, 3, pattern, 8, &filled);
    moves("FillPhysical", result, S_OK, filled, 3);
    gives("FillVirtual with nothing", target.spaces->FillVirtual(VIRTUAL, 8, pattern, 0, &filled), E_INVALIDARG);
    result = target.spaces->FillVirtual(HOLE - 4, 8, pattern, 8, &filled);
    moves("FillVirtual up to a hole", result, S_OK, filled, 4);

    MEMORY_BASIC_INFORMATION64 info;
    gives("QueryVirtual", target.spaces->QueryVirtual(VIRTUAL + PAGE + 5, &info), S_OK);
    same("its base", info.BaseAddress, VIRTUAL + PAGE);
    same("its size", info.RegionSize, PAGE);
    same("its state", info.State, MEM_COMMIT);
    gives("QueryVirtual of a hole", target.spaces->QueryVirtual(HOLE, &info), S_OK);
    same("a hole's state", info.State, MEM_FREE);
    gives("QueryVirtual without a place", target.spaces->QueryVirtual(HOLE, nullptr), E_INVALIDARG);

    ULONG source = 9, size = 0;
    result = target.spaces->GetOffsetInformation(0, DEBUG_OFFSINFO_VIRTUAL_SOURCE, VIRTUAL, &source, 4, &size);
    moves("GetOffsetInformation", result, S_OK, size, 4);
    same("the source of a page", source, DEBUG_VSOURCE_DEBUGGEE);
    result = target.spaces->GetOffsetInformation(0, DEBUG_OFFSINFO_VIRTUAL_SOURCE, HOLE, &source, 4, &size);
    moves("GetOffsetInformation of a hole", result, S_OK, source, DEBUG_VSOURCE_INVALID);
    gives("GetOffsetInformation of a physical address", target.spaces->GetOffsetInformation(1, 1, DATA, &source, 4, &size),
          E_INVALIDARG);
    ULONG64 next = 0;
    result = target.spaces->GetNextDifferentlyValidOffsetVirtual(VIRTUAL + 5, &next);
    moves("GetNextDifferentlyValidOffsetVirtual", result, S_OK, next, HOLE);
    result = target.spaces->GetNextDifferentlyValidOffsetVirtual(HOLE, &next);
    moves("GetNextDifferentlyValidOffsetVirtual in a hole", result, S_OK, next, HOLE + PAGE);
    gives("GetNextDifferentlyValidOffsetVirtual at the end",
          target.spaces->GetNextDifferentlyValidOffsetVirtual(LARGE_VIRTUAL + 0x200000, &next), NO_MORE_ENTRIES);
    ULONG64 base = 0;
    result = target.spaces->GetValidRegionVirtual(HOLE + 0x800, 0x1000, &base, &size);
    moves("GetValidRegionVirtual", result, S_OK, size, 0x800);
    same("where it begins", base, HOLE + PAGE);
}

void test_virtual(Target &target) {
    writes_stop_at_a_hole(target);
    searches(target);
    pointers(target);
    strings(target);
    translations(target);
    fills_and_regions(target);
}
