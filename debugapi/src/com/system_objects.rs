//! IDebugSystemObjects: processors as threads.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use windows_core::{HRESULT, IUnknown, interface};

use super::{Client_Impl, E_NOTIMPL};
use crate::command::Command;
use crate::edge::Out;

#[interface("6b86fe2c-2c4f-4f0c-9da2-174311acc327")]
/// Slots 3 to 31.
pub unsafe trait IDebugSystemObjects: IUnknown {
    pub fn GetEventThread(&self, id: *mut u32) -> HRESULT;
    pub fn GetEventProcess(&self, id: *mut u32) -> HRESULT;
    pub fn GetCurrentThreadId(&self, id: *mut u32) -> HRESULT;
    pub fn SetCurrentThreadId(&self, id: u32) -> HRESULT;
    pub fn GetCurrentProcessId(&self, id: *mut u32) -> HRESULT;
    pub fn SetCurrentProcessId(&self, id: u32) -> HRESULT;
    pub fn GetNumberThreads(&self, number: *mut u32) -> HRESULT;
    pub fn GetTotalNumberThreads(&self, total: *mut u32, largest: *mut u32) -> HRESULT;
    pub fn GetThreadIdsByIndex(&self, start: u32, count: u32, ids: *mut u32, system_ids: *mut u32)
    -> HRESULT;
    pub fn GetThreadIdByProcessor(&self, processor: u32, id: *mut u32) -> HRESULT;
    pub fn GetCurrentThreadDataOffset(&self) -> HRESULT;
    pub fn GetThreadIdByDataOffset(&self) -> HRESULT;
    pub fn GetCurrentThreadTeb(&self) -> HRESULT;
    pub fn GetThreadIdByTeb(&self) -> HRESULT;
    pub fn GetCurrentThreadSystemId(&self) -> HRESULT;
    pub fn GetThreadIdBySystemId(&self) -> HRESULT;
    pub fn GetCurrentThreadHandle(&self) -> HRESULT;
    pub fn GetThreadIdByHandle(&self) -> HRESULT;
    pub fn GetNumberProcesses(&self, number: *mut u32) -> HRESULT;
    pub fn GetProcessIdsByIndex(
        &self,
        start: u32,
        count: u32,
        ids: *mut u32,
        system_ids: *mut u32,
    ) -> HRESULT;
    pub fn GetCurrentProcessDataOffset(&self) -> HRESULT;
    pub fn GetProcessIdByDataOffset(&self) -> HRESULT;
    pub fn GetCurrentProcessPeb(&self) -> HRESULT;
    pub fn GetProcessIdByPeb(&self) -> HRESULT;
    pub fn GetCurrentProcessSystemId(&self) -> HRESULT;
    pub fn GetProcessIdBySystemId(&self) -> HRESULT;
    pub fn GetCurrentProcessHandle(&self) -> HRESULT;
    pub fn GetProcessIdByHandle(&self) -> HRESULT;
    pub fn GetCurrentProcessExecutableName(&self) -> HRESULT;
}

#[interface("0ae9f5ff-1852-4679-b055-494bee6407ee")]
/// Slots 32 to 36.
pub unsafe trait IDebugSystemObjects2: IDebugSystemObjects {
    pub fn GetCurrentProcessUpTime(&self) -> HRESULT;
    pub fn GetImplicitThreadDataOffset(&self) -> HRESULT;
    pub fn SetImplicitThreadDataOffset(&self) -> HRESULT;
    pub fn GetImplicitProcessDataOffset(&self, offset: *mut u64) -> HRESULT;
    pub fn SetImplicitProcessDataOffset(&self, offset: u64) -> HRESULT;
}

impl IDebugSystemObjects_Impl for Client_Impl {
    methods! {
        GetEventThread(id: *mut u32)
            = GetEventThread {}
            => [Out::NeedU32(id)];
        GetEventProcess(id: *mut u32)
            = GetEventProcess {}
            => [Out::NeedU32(id)];
        GetCurrentThreadId(id: *mut u32)
            = GetCurrentThreadId {}
            => [Out::NeedU32(id)];
        SetCurrentThreadId(id: u32)
            = SetCurrentThreadId { id }
            => [];
        GetCurrentProcessId(id: *mut u32)
            = GetCurrentProcessId {}
            => [Out::NeedU32(id)];
        SetCurrentProcessId(id: u32)
            = SetCurrentProcessId { id }
            => [];
        GetNumberThreads(number: *mut u32)
            = GetNumberThreads {}
            => [Out::NeedU32(number)];
        GetTotalNumberThreads(total: *mut u32, largest: *mut u32)
            = GetTotalNumberThreads {}
            => [Out::NeedU32(total), Out::NeedU32(largest)];
        GetThreadIdsByIndex(start: u32, count: u32, ids: *mut u32, system_ids: *mut u32)
            = GetThreadIdsByIndex { start, count }
            => [Out::Bytes(ids.cast()), Out::Bytes(system_ids.cast())];
        GetThreadIdByProcessor(processor: u32, id: *mut u32)
            = GetThreadIdByProcessor { processor }
            => [Out::NeedU32(id)];
    }

    not_implemented! {
        GetCurrentThreadDataOffset GetThreadIdByDataOffset GetCurrentThreadTeb GetThreadIdByTeb
        GetCurrentThreadSystemId GetThreadIdBySystemId GetCurrentThreadHandle GetThreadIdByHandle
    }

    methods! {
        GetNumberProcesses(number: *mut u32)
            = GetNumberProcesses {}
            => [Out::NeedU32(number)];
        GetProcessIdsByIndex(start: u32, count: u32, ids: *mut u32, system_ids: *mut u32)
            = GetProcessIdsByIndex { start, count }
            => [Out::Bytes(ids.cast()), Out::Bytes(system_ids.cast())];
    }

    not_implemented! {
        GetCurrentProcessDataOffset GetProcessIdByDataOffset GetCurrentProcessPeb GetProcessIdByPeb
        GetCurrentProcessSystemId GetProcessIdBySystemId GetCurrentProcessHandle GetProcessIdByHandle
        GetCurrentProcessExecutableName
    }
}

impl IDebugSystemObjects2_Impl for Client_Impl {
    not_implemented! {
        GetCurrentProcessUpTime GetImplicitThreadDataOffset SetImplicitThreadDataOffset
    }

    methods! {
        GetImplicitProcessDataOffset(offset: *mut u64)
            = GetImplicitProcessDataOffset {}
            => [Out::NeedU64(offset)];
        SetImplicitProcessDataOffset(offset: u64)
            = SetImplicitProcessDataOffset { offset }
            => [];
    }
}
