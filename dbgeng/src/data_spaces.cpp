// IDebugDataSpaces to IDebugDataSpaces4: slots and parameters in the order of the interface.
#include "shapes.h"

namespace {

template <unsigned Slot> HRESULT read_at(Face *self, ULONG64 offset, void *buffer, ULONG size, ULONG *read) {
    return Call(self, Slot).u64(offset).room(buffer, size).out(read).make();
}

template <unsigned Slot> HRESULT write_at(Face *self, ULONG64 offset, void *buffer, ULONG size, ULONG *written) {
    return Call(self, Slot).u64(offset).data(buffer, size).out(written).make();
}

HRESULT search_virtual(Face *self, ULONG64 offset, ULONG64 length, void *pattern, ULONG pattern_size,
                       ULONG granularity, ULONG64 *match) {
    Call call(self, 5);
    return call.u64(offset).u64(length).data(pattern, pattern_size).u32(granularity).must(match).make();
}

HRESULT search_virtual2(Face *self, ULONG64 offset, ULONG64 length, ULONG flags, void *pattern, ULONG pattern_size,
                        ULONG granularity, ULONG64 *match) {
    Call call(self, 37);
    return call.u64(offset).u64(length).u32(flags).data(pattern, pattern_size).u32(granularity).must(match).make();
}

HRESULT read_pointers(Face *self, ULONG count, ULONG64 offset, ULONG64 *pointers) {
    return Call(self, 8).u64(offset).pointer_room(pointers, count).make();
}

HRESULT write_pointers(Face *self, ULONG count, ULONG64 offset, ULONG64 *pointers) {
    return Call(self, 9).u64(offset).pointers(pointers, count).make();
}

HRESULT read_control(Face *self, ULONG processor, ULONG64 offset, void *buffer, ULONG size, ULONG *read) {
    return Call(self, 12).u32(processor).u64(offset).room(buffer, size).out(read).make();
}

HRESULT write_control(Face *self, ULONG processor, ULONG64 offset, void *buffer, ULONG size, ULONG *written) {
    return Call(self, 13).u32(processor).u64(offset).data(buffer, size).out(written).make();
}

HRESULT read_io(Face *self, ULONG interface_type, ULONG bus, ULONG address_space, ULONG64 offset, void *buffer,
                ULONG size, ULONG *read) {
    Call call(self, 14);
    return call.u32(interface_type).u32(bus).u32(address_space).u64(offset).room(buffer, size).out(read).make();
}

HRESULT write_io(Face *self, ULONG interface_type, ULONG bus, ULONG address_space, ULONG64 offset, void *buffer,
                 ULONG size, ULONG *written) {
    Call call(self, 15);
    return call.u32(interface_type).u32(bus).u32(address_space).u64(offset).data(buffer, size).out(written).make();
}

HRESULT read_msr(Face *self, ULONG msr, ULONG64 *value) { return Call(self, 16).u32(msr).must(value).make(); }

HRESULT write_msr(Face *self, ULONG msr, ULONG64 value) { return Call(self, 17).u32(msr).u64(value).make(); }

HRESULT read_bus_data(Face *self, ULONG type, ULONG bus, ULONG slot, ULONG offset, void *buffer, ULONG size,
                      ULONG *read) {
    return Call(self, 18).u32(type).u32(bus).u32(slot).u32(offset).room(buffer, size).out(read).make();
}

HRESULT write_bus_data(Face *self, ULONG type, ULONG bus, ULONG slot, ULONG offset, void *buffer, ULONG size,
                       ULONG *written) {
    return Call(self, 19).u32(type).u32(bus).u32(slot).u32(offset).data(buffer, size).out(written).make();
}

HRESULT read_debugger_data(Face *self, ULONG index, void *buffer, ULONG size, ULONG *data_size) {
    return Call(self, 21).u32(index).room(buffer, size).out(data_size).make();
}

HRESULT read_processor_data(Face *self, ULONG processor, ULONG index, void *buffer, ULONG size, ULONG *data_size) {
    return Call(self, 22).u32(processor).u32(index).room(buffer, size).out(data_size).make();
}

HRESULT translation_offsets(Face *self, ULONG64 address, ULONG64 *offsets, ULONG offsets_size, ULONG *levels) {
    return Call(self, 24).u64(address).pointer_room(offsets, offsets_size).out(levels).make();
}

HRESULT read_handle_data(Face *self, ULONG64 handle, ULONG type, void *buffer, ULONG size, ULONG *data_size) {
    return Call(self, 25).u64(handle).u32(type).room(buffer, size).out(data_size).make();
}

template <unsigned Slot>
HRESULT fill(Face *self, ULONG64 start, ULONG size, void *pattern, ULONG pattern_size, ULONG *filled) {
    return Call(self, Slot).u64(start).u32(size).data(pattern, pattern_size).out(filled).make();
}

HRESULT query_virtual(Face *self, ULONG64 offset, MEMORY_BASIC_INFORMATION64 *info) {
    return Call(self, 28).u64(offset).must_bytes(info, sizeof *info).make();
}

HRESULT read_nt_headers(Face *self, ULONG64 base, IMAGE_NT_HEADERS64 *headers) {
    return Call(self, 29).u64(base).must_bytes(headers, sizeof *headers).make();
}

HRESULT read_tagged(Face *self, GUID *tag, ULONG offset, void *buffer, ULONG size, ULONG *total) {
    return Call(self, 30).raw(tag, sizeof *tag).u32(offset).room(buffer, size).out(total).make();
}

HRESULT next_tagged(Face *self, ULONG64 handle, GUID *tag, ULONG *size) {
    return Call(self, 32).u64(handle).must_guid(tag).must(size).make();
}

HRESULT offset_information(Face *self, ULONG space, ULONG which, ULONG64 offset, void *buffer, ULONG size,
                           ULONG *info_size) {
    return Call(self, 34).u32(space).u32(which).u64(offset).room(buffer, size).out(info_size).make();
}

HRESULT valid_region(Face *self, ULONG64 base, ULONG size, ULONG64 *valid_base, ULONG *valid_size) {
    return Call(self, 36).u64(base).u32(size).must(valid_base).must(valid_size).make();
}

// The four readers of strings: bytes or wide characters wanted, with a code page or without.
HRESULT bytes_as_bytes(Face *self, ULONG64 offset, ULONG most, char *buffer, ULONG size, ULONG *bytes) {
    return Call(self, 38).u64(offset).u32(most).room(buffer, size).out(bytes).make();
}

HRESULT bytes_as_wide(Face *self, ULONG64 offset, ULONG most, ULONG page, wchar_t *buffer, ULONG size,
                      ULONG *bytes) {
    return Call(self, 39).u64(offset).u32(most).u32(page).wide_room(buffer, size).out(bytes).make();
}

HRESULT wide_as_bytes(Face *self, ULONG64 offset, ULONG most, ULONG page, char *buffer, ULONG size, ULONG *bytes) {
    return Call(self, 40).u64(offset).u32(most).u32(page).room(buffer, size).out(bytes).make();
}

HRESULT wide_as_wide(Face *self, ULONG64 offset, ULONG most, wchar_t *buffer, ULONG size, ULONG *bytes) {
    return Call(self, 41).u64(offset).u32(most).wide_room(buffer, size).out(bytes).make();
}

HRESULT read_physical2(Face *self, ULONG64 offset, ULONG flags, void *buffer, ULONG size, ULONG *read) {
    return Call(self, 42).u64(offset).u32(flags).room(buffer, size).out(read).make();
}

HRESULT write_physical2(Face *self, ULONG64 offset, ULONG flags, void *buffer, ULONG size, ULONG *written) {
    return Call(self, 43).u64(offset).u32(flags).data(buffer, size).out(written).make();
}

} // namespace

const Vtable DATA_SPACES_METHODS = {
    at(3, read_at<3>),            // ReadVirtual
    at(4, write_at<4>),           // WriteVirtual
    at(5, search_virtual),        // SearchVirtual
    at(6, read_at<6>),            // ReadVirtualUncached
    at(7, write_at<7>),           // WriteVirtualUncached
    at(8, read_pointers),         // ReadPointersVirtual
    at(9, write_pointers),        // WritePointersVirtual
    at(10, read_at<10>),          // ReadPhysical
    at(11, write_at<11>),         // WritePhysical
    at(12, read_control),         // ReadControl
    at(13, write_control),        // WriteControl
    at(14, read_io),              // ReadIo
    at(15, write_io),             // WriteIo
    at(16, read_msr),             // ReadMsr
    at(17, write_msr),            // WriteMsr
    at(18, read_bus_data),        // ReadBusData
    at(19, write_bus_data),       // WriteBusData
    at(20, plain<20>),            // CheckLowMemory
    at(21, read_debugger_data),   // ReadDebuggerData
    at(22, read_processor_data),  // ReadProcessorSystemData
    at(23, look_up64<23>),        // VirtualToPhysical
    at(24, translation_offsets),  // GetVirtualTranslationPhysicalOffsets
    at(25, read_handle_data),     // ReadHandleData
    at(26, fill<26>),             // FillVirtual
    at(27, fill<27>),             // FillPhysical
    at(28, query_virtual),        // QueryVirtual
    at(29, read_nt_headers),      // ReadImageNtHeaders
    at(30, read_tagged),          // ReadTagged
    at(31, get64<31>),            // StartEnumTagged
    at(32, next_tagged),          // GetNextTagged
    at(33, set64<33>),            // EndEnumTagged
    at(34, offset_information),   // GetOffsetInformation
    at(35, look_up64<35>),        // GetNextDifferentlyValidOffsetVirtual
    at(36, valid_region),         // GetValidRegionVirtual
    at(37, search_virtual2),      // SearchVirtual2
    at(38, bytes_as_bytes),       // ReadMultiByteStringVirtual
    at(39, bytes_as_wide),        // ReadMultiByteStringVirtualWide
    at(40, wide_as_bytes),        // ReadUnicodeStringVirtual
    at(41, wide_as_wide),         // ReadUnicodeStringVirtualWide
    at(42, read_physical2),       // ReadPhysical2
    at(43, write_physical2),      // WritePhysical2
};
