//! The four versions of IDebugDataSpaces.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use std::ffi::c_void;

use windows_core::{HRESULT, IUnknown, interface};

use super::{Client_Impl, E_INVALIDARG};
use crate::command::Command;
use crate::edge::{Out, data, input, room};
use crate::spaces::Guid;

#[interface("88f7dfab-3ea7-4c3a-aefb-c4e8106173aa")]
/// Slots 3 to 22.
pub unsafe trait IDebugDataSpaces: IUnknown {
    pub fn ReadVirtual(&self, offset: u64, buffer: *mut c_void, size: u32, read: *mut u32) -> HRESULT;
    pub fn WriteVirtual(&self, offset: u64, buffer: *const c_void, size: u32, written: *mut u32) -> HRESULT;
    pub fn SearchVirtual(
        &self,
        offset: u64,
        length: u64,
        pattern: *const c_void,
        size: u32,
        granularity: u32,
        found: *mut u64,
    ) -> HRESULT;
    pub fn ReadVirtualUncached(&self, offset: u64, buffer: *mut c_void, size: u32, read: *mut u32)
    -> HRESULT;
    pub fn WriteVirtualUncached(
        &self,
        offset: u64,
        buffer: *const c_void,
        size: u32,
        written: *mut u32,
    ) -> HRESULT;
    pub fn ReadPointersVirtual(&self, count: u32, offset: u64, pointers: *mut u64) -> HRESULT;
    pub fn WritePointersVirtual(&self, count: u32, offset: u64, pointers: *const u64) -> HRESULT;
    pub fn ReadPhysical(&self, offset: u64, buffer: *mut c_void, size: u32, read: *mut u32) -> HRESULT;
    pub fn WritePhysical(&self, offset: u64, buffer: *const c_void, size: u32, written: *mut u32) -> HRESULT;
    pub fn ReadControl(
        &self,
        processor: u32,
        offset: u64,
        buffer: *mut c_void,
        size: u32,
        read: *mut u32,
    ) -> HRESULT;
    pub fn WriteControl(
        &self,
        processor: u32,
        offset: u64,
        buffer: *const c_void,
        size: u32,
        written: *mut u32,
    ) -> HRESULT;
    pub fn ReadIo(
        &self,
        interface_type: u32,
        bus_number: u32,
        address_space: u32,
        offset: u64,
        buffer: *mut c_void,
        size: u32,
        read: *mut u32,
    ) -> HRESULT;
    pub fn WriteIo(
        &self,
        interface_type: u32,
        bus_number: u32,
        address_space: u32,
        offset: u64,
        buffer: *const c_void,
        size: u32,
        written: *mut u32,
    ) -> HRESULT;
    pub fn ReadMsr(&self, msr: u32, value: *mut u64) -> HRESULT;
    pub fn WriteMsr(&self, msr: u32, value: u64) -> HRESULT;
    pub fn ReadBusData(
        &self,
        bus_data_type: u32,
        bus_number: u32,
        slot_number: u32,
        offset: u32,
        buffer: *mut c_void,
        size: u32,
        read: *mut u32,
    ) -> HRESULT;
    pub fn WriteBusData(
        &self,
        bus_data_type: u32,
        bus_number: u32,
        slot_number: u32,
        offset: u32,
        buffer: *const c_void,
        size: u32,
        written: *mut u32,
    ) -> HRESULT;
    pub fn CheckLowMemory(&self) -> HRESULT;
    pub fn ReadDebuggerData(&self, index: u32, buffer: *mut c_void, size: u32, read: *mut u32) -> HRESULT;
    pub fn ReadProcessorSystemData(
        &self,
        processor: u32,
        index: u32,
        buffer: *mut c_void,
        size: u32,
        read: *mut u32,
    ) -> HRESULT;
}

#[interface("7a5e852f-96e9-468f-ac1b-0b3addc4a049")]
/// Slots 23 to 28.
pub unsafe trait IDebugDataSpaces2: IDebugDataSpaces {
    pub fn VirtualToPhysical(&self, virtual_address: u64, physical: *mut u64) -> HRESULT;
    pub fn GetVirtualTranslationPhysicalOffsets(
        &self,
        virtual_address: u64,
        offsets: *mut u64,
        size: u32,
        levels: *mut u32,
    ) -> HRESULT;
    pub fn ReadHandleData(
        &self,
        handle: u64,
        data_type: u32,
        buffer: *mut c_void,
        size: u32,
        read: *mut u32,
    ) -> HRESULT;
    pub fn FillVirtual(
        &self,
        start: u64,
        size: u32,
        pattern: *const c_void,
        pattern_size: u32,
        filled: *mut u32,
    ) -> HRESULT;
    pub fn FillPhysical(
        &self,
        start: u64,
        size: u32,
        pattern: *const c_void,
        pattern_size: u32,
        filled: *mut u32,
    ) -> HRESULT;
    pub fn QueryVirtual(&self, offset: u64, information: *mut c_void) -> HRESULT;
}

#[interface("23f79d6c-8aaf-4f7c-a607-9995f5407e63")]
/// Slots 29 to 33.
pub unsafe trait IDebugDataSpaces3: IDebugDataSpaces2 {
    pub fn ReadImageNtHeaders(&self, image_base: u64, headers: *mut c_void) -> HRESULT;
    pub fn ReadTagged(
        &self,
        tag: *const Guid,
        offset: u32,
        buffer: *mut c_void,
        size: u32,
        total: *mut u32,
    ) -> HRESULT;
    pub fn StartEnumTagged(&self, handle: *mut u64) -> HRESULT;
    pub fn GetNextTagged(&self, handle: u64, tag: *mut Guid, size: *mut u32) -> HRESULT;
    pub fn EndEnumTagged(&self, handle: u64) -> HRESULT;
}

#[interface("d98ada1f-29e9-4ef5-a6c0-e53349883212")]
/// Slots 34 to 43.
pub unsafe trait IDebugDataSpaces4: IDebugDataSpaces3 {
    pub fn GetOffsetInformation(
        &self,
        space: u32,
        which: u32,
        offset: u64,
        buffer: *mut c_void,
        size: u32,
        read: *mut u32,
    ) -> HRESULT;
    pub fn GetNextDifferentlyValidOffsetVirtual(&self, offset: u64, next: *mut u64) -> HRESULT;
    pub fn GetValidRegionVirtual(
        &self,
        base: u64,
        size: u32,
        valid_base: *mut u64,
        valid_size: *mut u32,
    ) -> HRESULT;
    pub fn SearchVirtual2(
        &self,
        offset: u64,
        length: u64,
        flags: u32,
        pattern: *const c_void,
        size: u32,
        granularity: u32,
        found: *mut u64,
    ) -> HRESULT;
    pub fn ReadMultiByteStringVirtual(
        &self,
        offset: u64,
        max_bytes: u32,
        buffer: *mut c_void,
        size: u32,
        bytes: *mut u32,
    ) -> HRESULT;
    pub fn ReadMultiByteStringVirtualWide(
        &self,
        offset: u64,
        max_bytes: u32,
        code_page: u32,
        buffer: *mut c_void,
        size: u32,
        bytes: *mut u32,
    ) -> HRESULT;
    pub fn ReadUnicodeStringVirtual(
        &self,
        offset: u64,
        max_bytes: u32,
        code_page: u32,
        buffer: *mut c_void,
        size: u32,
        bytes: *mut u32,
    ) -> HRESULT;
    pub fn ReadUnicodeStringVirtualWide(
        &self,
        offset: u64,
        max_bytes: u32,
        buffer: *mut c_void,
        size: u32,
        bytes: *mut u32,
    ) -> HRESULT;
    pub fn ReadPhysical2(
        &self,
        offset: u64,
        flags: u32,
        buffer: *mut c_void,
        size: u32,
        read: *mut u32,
    ) -> HRESULT;
    pub fn WritePhysical2(
        &self,
        offset: u64,
        flags: u32,
        buffer: *const c_void,
        size: u32,
        written: *mut u32,
    ) -> HRESULT;
}

impl IDebugDataSpaces_Impl for Client_Impl {
    methods! {
        ReadVirtual(offset: u64, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadVirtual { offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        WriteVirtual(offset: u64, buffer: *const c_void, size: u32, written: *mut u32)
            = WriteVirtual { offset, buffer: data(buffer, size) }
            => [Out::U32(written)];
        SearchVirtual(offset: u64, length: u64, pattern: *const c_void, size: u32, granularity: u32, found: *mut u64)
            = SearchVirtual { offset, length, pattern: data(pattern, size), granularity }
            => [Out::NeedU64(found)];
        ReadVirtualUncached(offset: u64, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadVirtualUncached { offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        WriteVirtualUncached(offset: u64, buffer: *const c_void, size: u32, written: *mut u32)
            = WriteVirtualUncached { offset, buffer: data(buffer, size) }
            => [Out::U32(written)];
        ReadPointersVirtual(count: u32, offset: u64, pointers: *mut u64)
            = ReadPointersVirtual { offset, pointers: room(pointers, count) }
            => [Out::Pointers(pointers)];
        WritePointersVirtual(count: u32, offset: u64, pointers: *const u64)
            = WritePointersVirtual { offset, pointers: input(pointers, count) }
            => [];
        ReadPhysical(offset: u64, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadPhysical { offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        WritePhysical(offset: u64, buffer: *const c_void, size: u32, written: *mut u32)
            = WritePhysical { offset, buffer: data(buffer, size) }
            => [Out::U32(written)];
        ReadControl(processor: u32, offset: u64, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadControl { processor, offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        WriteControl(processor: u32, offset: u64, buffer: *const c_void, size: u32, written: *mut u32)
            = WriteControl { processor, offset, buffer: data(buffer, size) }
            => [Out::U32(written)];
        ReadIo(interface_type: u32, bus_number: u32, address_space: u32, offset: u64, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadIo { interface_type, bus_number, address_space, offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        WriteIo(interface_type: u32, bus_number: u32, address_space: u32, offset: u64, buffer: *const c_void, size: u32, written: *mut u32)
            = WriteIo { interface_type, bus_number, address_space, offset, buffer: data(buffer, size) }
            => [Out::U32(written)];
        ReadMsr(msr: u32, value: *mut u64)
            = ReadMsr { msr }
            => [Out::NeedU64(value)];
        WriteMsr(msr: u32, value: u64)
            = WriteMsr { msr, value }
            => [];
        ReadBusData(bus_data_type: u32, bus_number: u32, slot_number: u32, offset: u32, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadBusData { bus_data_type, bus_number, slot_number, offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        WriteBusData(bus_data_type: u32, bus_number: u32, slot_number: u32, offset: u32, buffer: *const c_void, size: u32, written: *mut u32)
            = WriteBusData { bus_data_type, bus_number, slot_number, offset, buffer: data(buffer, size) }
            => [Out::U32(written)];
        CheckLowMemory()
            = CheckLowMemory {}
            => [];
        ReadDebuggerData(index: u32, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadDebuggerData { index, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        ReadProcessorSystemData(processor: u32, index: u32, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadProcessorSystemData { processor, index, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
    }
}

impl IDebugDataSpaces2_Impl for Client_Impl {
    methods! {
        VirtualToPhysical(virtual_address: u64, physical: *mut u64)
            = VirtualToPhysical { virtual_address }
            => [Out::NeedU64(physical)];
        GetVirtualTranslationPhysicalOffsets(virtual_address: u64, offsets: *mut u64, size: u32, levels: *mut u32)
            = GetVirtualTranslationPhysicalOffsets { virtual_address, offsets: room(offsets, size) }
            => [Out::Pointers(offsets), Out::U32(levels)];
        ReadHandleData(handle: u64, data_type: u32, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadHandleData { handle, data_type, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        FillVirtual(start: u64, size: u32, pattern: *const c_void, pattern_size: u32, filled: *mut u32)
            = FillVirtual { start, size, pattern: data(pattern, pattern_size) }
            => [Out::U32(filled)];
        FillPhysical(start: u64, size: u32, pattern: *const c_void, pattern_size: u32, filled: *mut u32)
            = FillPhysical { start, size, pattern: data(pattern, pattern_size) }
            => [Out::U32(filled)];
        QueryVirtual(offset: u64, information: *mut c_void)
            = QueryVirtual { offset }
            => [Out::NeedBytes(information)];
    }
}

impl IDebugDataSpaces3_Impl for Client_Impl {
    methods! {
        ReadImageNtHeaders(image_base: u64, headers: *mut c_void)
            = ReadImageNtHeaders { image_base }
            => [Out::NeedBytes(headers)];
    }

    unsafe fn ReadTagged(
        &self,
        tag: *const Guid,
        offset: u32,
        buffer: *mut c_void,
        size: u32,
        total: *mut u32,
    ) -> HRESULT {
        if tag.is_null() {
            return E_INVALIDARG;
        }
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            let command =
                Command::ReadTagged { tag: tag.read_unaligned(), offset, buffer: room(buffer, size) };
            self.shared.call(command, &[Out::Bytes(buffer), Out::U32(total)])
        }
    }

    methods! {
        StartEnumTagged(handle: *mut u64)
            = StartEnumTagged {}
            => [Out::NeedU64(handle)];
        GetNextTagged(handle: u64, tag: *mut Guid, size: *mut u32)
            = GetNextTagged { handle }
            => [Out::NeedGuid(tag), Out::NeedU32(size)];
        EndEnumTagged(handle: u64)
            = EndEnumTagged { handle }
            => [];
    }
}

impl IDebugDataSpaces4_Impl for Client_Impl {
    methods! {
        GetOffsetInformation(space: u32, which: u32, offset: u64, buffer: *mut c_void, size: u32, read: *mut u32)
            = GetOffsetInformation { space, which, offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        GetNextDifferentlyValidOffsetVirtual(offset: u64, next: *mut u64)
            = GetNextDifferentlyValidOffsetVirtual { offset }
            => [Out::NeedU64(next)];
        GetValidRegionVirtual(base: u64, size: u32, valid_base: *mut u64, valid_size: *mut u32)
            = GetValidRegionVirtual { base, size }
            => [Out::NeedU64(valid_base), Out::NeedU32(valid_size)];
        SearchVirtual2(offset: u64, length: u64, flags: u32, pattern: *const c_void, size: u32, granularity: u32, found: *mut u64)
            = SearchVirtual2 { offset, length, flags, pattern: data(pattern, size), granularity }
            => [Out::NeedU64(found)];
        ReadMultiByteStringVirtual(offset: u64, max_bytes: u32, buffer: *mut c_void, size: u32, bytes: *mut u32)
            = ReadMultiByteStringVirtual { offset, max_bytes, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(bytes)];
        ReadMultiByteStringVirtualWide(offset: u64, max_bytes: u32, code_page: u32, buffer: *mut c_void, size: u32, bytes: *mut u32)
            = ReadMultiByteStringVirtualWide { offset, max_bytes, code_page, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(bytes)];
        ReadUnicodeStringVirtual(offset: u64, max_bytes: u32, code_page: u32, buffer: *mut c_void, size: u32, bytes: *mut u32)
            = ReadUnicodeStringVirtual { offset, max_bytes, code_page, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(bytes)];
        ReadUnicodeStringVirtualWide(offset: u64, max_bytes: u32, buffer: *mut c_void, size: u32, bytes: *mut u32)
            = ReadUnicodeStringVirtualWide { offset, max_bytes, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(bytes)];
        ReadPhysical2(offset: u64, flags: u32, buffer: *mut c_void, size: u32, read: *mut u32)
            = ReadPhysical2 { offset, flags, buffer: room(buffer, size) }
            => [Out::Bytes(buffer), Out::U32(read)];
        WritePhysical2(offset: u64, flags: u32, buffer: *const c_void, size: u32, written: *mut u32)
            = WritePhysical2 { offset, flags, buffer: data(buffer, size) }
            => [Out::U32(written)];
    }
}
