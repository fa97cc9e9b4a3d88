//! The interfaces of IDebugSymbols.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use std::ffi::{c_char, c_void};

use windows_core::{HRESULT, IUnknown, interface};

#[interface("8c31e98c-983a-48a5-9016-6fe5d667a950")]
/// Slots 3 to 51.
pub unsafe trait IDebugSymbols: IUnknown {
    pub fn GetSymbolOptions(&self, options: *mut u32) -> HRESULT;
    pub fn AddSymbolOptions(&self, options: u32) -> HRESULT;
    pub fn RemoveSymbolOptions(&self, options: u32) -> HRESULT;
    pub fn SetSymbolOptions(&self, options: u32) -> HRESULT;
    pub fn GetNameByOffset(
        &self,
        offset: u64,
        buffer: *mut c_char,
        size: u32,
        used: *mut u32,
        displacement: *mut u64,
    ) -> HRESULT;
    pub fn GetOffsetByName(&self, symbol: *const c_char, offset: *mut u64) -> HRESULT;
    pub fn GetNearNameByOffset(
        &self,
        offset: u64,
        delta: u32,
        buffer: *mut c_char,
        size: u32,
        used: *mut u32,
        displacement: *mut u64,
    ) -> HRESULT;
    pub fn GetLineByOffset(&self) -> HRESULT;
    pub fn GetOffsetByLine(&self) -> HRESULT;
    pub fn GetNumberModules(&self, loaded: *mut u32, unloaded: *mut u32) -> HRESULT;
    pub fn GetModuleByIndex(&self, index: u32, base: *mut u64) -> HRESULT;
    pub fn GetModuleByModuleName(
        &self,
        name: *const c_char,
        start_index: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT;
    pub fn GetModuleByOffset(
        &self,
        offset: u64,
        start_index: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT;
    pub fn GetModuleNames(
        &self,
        index: u32,
        base: u64,
        image: *mut c_char,
        image_size: u32,
        image_used: *mut u32,
        module: *mut c_char,
        module_size: u32,
        module_used: *mut u32,
        loaded: *mut c_char,
        loaded_size: u32,
        loaded_used: *mut u32,
    ) -> HRESULT;
    pub fn GetModuleParameters(
        &self,
        count: u32,
        bases: *const u64,
        start: u32,
        parameters: *mut c_void,
    ) -> HRESULT;
    pub fn GetSymbolModule(&self) -> HRESULT;
    pub fn GetTypeName(&self) -> HRESULT;
    pub fn GetTypeId(&self) -> HRESULT;
    pub fn GetTypeSize(&self) -> HRESULT;
    pub fn GetFieldOffset(&self) -> HRESULT;
    pub fn GetSymbolTypeId(&self) -> HRESULT;
    pub fn GetOffsetTypeId(&self) -> HRESULT;
    pub fn ReadTypedDataVirtual(&self) -> HRESULT;
    pub fn WriteTypedDataVirtual(&self) -> HRESULT;
    pub fn OutputTypedDataVirtual(&self) -> HRESULT;
    pub fn ReadTypedDataPhysical(&self) -> HRESULT;
    pub fn WriteTypedDataPhysical(&self) -> HRESULT;
    pub fn OutputTypedDataPhysical(&self) -> HRESULT;
    pub fn GetScope(&self) -> HRESULT;
    pub fn SetScope(&self) -> HRESULT;
    pub fn ResetScope(&self) -> HRESULT;
    pub fn GetScopeSymbolGroup(&self) -> HRESULT;
    pub fn CreateSymbolGroup(&self) -> HRESULT;
    pub fn StartSymbolMatch(&self, pattern: *const c_char, handle: *mut u64) -> HRESULT;
    pub fn GetNextSymbolMatch(
        &self,
        handle: u64,
        buffer: *mut c_char,
        size: u32,
        used: *mut u32,
        offset: *mut u64,
    ) -> HRESULT;
    pub fn EndSymbolMatch(&self, handle: u64) -> HRESULT;
    pub fn Reload(&self) -> HRESULT;
    pub fn GetSymbolPath(&self) -> HRESULT;
    pub fn SetSymbolPath(&self) -> HRESULT;
    pub fn AppendSymbolPath(&self) -> HRESULT;
    pub fn GetImagePath(&self) -> HRESULT;
    pub fn SetImagePath(&self) -> HRESULT;
    pub fn AppendImagePath(&self) -> HRESULT;
    pub fn GetSourcePath(&self) -> HRESULT;
    pub fn GetSourcePathElement(&self) -> HRESULT;
    pub fn SetSourcePath(&self) -> HRESULT;
    pub fn AppendSourcePath(&self) -> HRESULT;
    pub fn FindSourceFile(&self) -> HRESULT;
    pub fn GetSourceFileLineOffsets(&self) -> HRESULT;
}

#[interface("3a707211-afdd-4495-ad4f-56fecdf8163f")]
/// Slots 52 to 59.
pub unsafe trait IDebugSymbols2: IDebugSymbols {
    pub fn GetModuleVersionInformation(&self) -> HRESULT;
    pub fn GetModuleNameString(
        &self,
        which: u32,
        index: u32,
        base: u64,
        buffer: *mut c_char,
        size: u32,
        used: *mut u32,
    ) -> HRESULT;
    pub fn GetConstantName(&self) -> HRESULT;
    pub fn GetFieldName(&self) -> HRESULT;
    pub fn GetTypeOptions(&self) -> HRESULT;
    pub fn AddTypeOptions(&self) -> HRESULT;
    pub fn RemoveTypeOptions(&self) -> HRESULT;
    pub fn SetTypeOptions(&self) -> HRESULT;
}

#[interface("f02fbecc-50ac-4f36-9ad9-c975e8f32ff8")]
/// Slots 60 to 125.
pub unsafe trait IDebugSymbols3: IDebugSymbols2 {
    pub fn GetNameByOffsetWide(
        &self,
        offset: u64,
        buffer: *mut u16,
        size: u32,
        used: *mut u32,
        displacement: *mut u64,
    ) -> HRESULT;
    pub fn GetOffsetByNameWide(&self, symbol: *const u16, offset: *mut u64) -> HRESULT;
    pub fn GetNearNameByOffsetWide(
        &self,
        offset: u64,
        delta: u32,
        buffer: *mut u16,
        size: u32,
        used: *mut u32,
        displacement: *mut u64,
    ) -> HRESULT;
    pub fn GetLineByOffsetWide(&self) -> HRESULT;
    pub fn GetOffsetByLineWide(&self) -> HRESULT;
    pub fn GetModuleByModuleNameWide(
        &self,
        name: *const u16,
        start_index: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT;
    pub fn GetSymbolModuleWide(&self) -> HRESULT;
    pub fn GetTypeNameWide(&self) -> HRESULT;
    pub fn GetTypeIdWide(&self) -> HRESULT;
    pub fn GetFieldOffsetWide(&self) -> HRESULT;
    pub fn GetSymbolTypeIdWide(&self) -> HRESULT;
    pub fn GetScopeSymbolGroup2(&self) -> HRESULT;
    pub fn CreateSymbolGroup2(&self) -> HRESULT;
    pub fn StartSymbolMatchWide(&self, pattern: *const u16, handle: *mut u64) -> HRESULT;
    pub fn GetNextSymbolMatchWide(
        &self,
        handle: u64,
        buffer: *mut u16,
        size: u32,
        used: *mut u32,
        offset: *mut u64,
    ) -> HRESULT;
    pub fn ReloadWide(&self) -> HRESULT;
    pub fn GetSymbolPathWide(&self) -> HRESULT;
    pub fn SetSymbolPathWide(&self) -> HRESULT;
    pub fn AppendSymbolPathWide(&self) -> HRESULT;
    pub fn GetImagePathWide(&self) -> HRESULT;
    pub fn SetImagePathWide(&self) -> HRESULT;
    pub fn AppendImagePathWide(&self) -> HRESULT;
    pub fn GetSourcePathWide(&self) -> HRESULT;
    pub fn GetSourcePathElementWide(&self) -> HRESULT;
    pub fn SetSourcePathWide(&self) -> HRESULT;
    pub fn AppendSourcePathWide(&self) -> HRESULT;
    pub fn FindSourceFileWide(&self) -> HRESULT;
    pub fn GetSourceFileLineOffsetsWide(&self) -> HRESULT;
    pub fn GetModuleVersionInformationWide(&self) -> HRESULT;
    pub fn GetModuleNameStringWide(
        &self,
        which: u32,
        index: u32,
        base: u64,
        buffer: *mut u16,
        size: u32,
        used: *mut u32,
    ) -> HRESULT;
    pub fn GetConstantNameWide(&self) -> HRESULT;
    pub fn GetFieldNameWide(&self) -> HRESULT;
    pub fn IsManagedModule(&self) -> HRESULT;
    pub fn GetModuleByModuleName2(
        &self,
        name: *const c_char,
        start_index: u32,
        flags: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT;
    pub fn GetModuleByModuleName2Wide(
        &self,
        name: *const u16,
        start_index: u32,
        flags: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT;
    pub fn GetModuleByOffset2(
        &self,
        offset: u64,
        start_index: u32,
        flags: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT;
    pub fn AddSyntheticModule(
        &self,
        base: u64,
        size: u32,
        image_path: *const c_char,
        module_name: *const c_char,
        flags: u32,
    ) -> HRESULT;
    pub fn AddSyntheticModuleWide(
        &self,
        base: u64,
        size: u32,
        image_path: *const u16,
        module_name: *const u16,
        flags: u32,
    ) -> HRESULT;
    pub fn RemoveSyntheticModule(&self, base: u64) -> HRESULT;
    pub fn GetCurrentScopeFrameIndex(&self) -> HRESULT;
    pub fn SetScopeFrameByIndex(&self) -> HRESULT;
    pub fn SetScopeFromJitDebugInfo(&self) -> HRESULT;
    pub fn SetScopeFromStoredEvent(&self) -> HRESULT;
    pub fn OutputSymbolByOffset(&self) -> HRESULT;
    pub fn GetFunctionEntryByOffset(&self) -> HRESULT;
    pub fn GetFieldTypeAndOffset(&self) -> HRESULT;
    pub fn GetFieldTypeAndOffsetWide(&self) -> HRESULT;
    pub fn AddSyntheticSymbol(
        &self,
        offset: u64,
        size: u32,
        name: *const c_char,
        flags: u32,
        id: *mut c_void,
    ) -> HRESULT;
    pub fn AddSyntheticSymbolWide(
        &self,
        offset: u64,
        size: u32,
        name: *const u16,
        flags: u32,
        id: *mut c_void,
    ) -> HRESULT;
    pub fn RemoveSyntheticSymbol(&self) -> HRESULT;
    pub fn GetSymbolEntriesByOffset(&self) -> HRESULT;
    pub fn GetSymbolEntriesByName(&self) -> HRESULT;
    pub fn GetSymbolEntriesByNameWide(&self) -> HRESULT;
    pub fn GetSymbolEntryByToken(&self) -> HRESULT;
    pub fn GetSymbolEntryInformation(&self) -> HRESULT;
    pub fn GetSymbolEntryString(&self) -> HRESULT;
    pub fn GetSymbolEntryStringWide(&self) -> HRESULT;
    pub fn GetSymbolEntryOffsetRegions(&self) -> HRESULT;
    pub fn GetSymbolEntryBySymbolEntry(&self) -> HRESULT;
    pub fn GetSourceEntriesByOffset(&self) -> HRESULT;
    pub fn GetSourceEntriesByLine(&self) -> HRESULT;
    pub fn GetSourceEntriesByLineWide(&self) -> HRESULT;
    pub fn GetSourceEntryString(&self) -> HRESULT;
    pub fn GetSourceEntryStringWide(&self) -> HRESULT;
    pub fn GetSourceEntryOffsetRegions(&self) -> HRESULT;
    pub fn GetSourceEntryBySourceEntry(&self) -> HRESULT;
}
