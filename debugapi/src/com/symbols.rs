//! IDebugSymbols, as far as it needs no symbols.
//!
//! Methods stand in the order of the vtable. What is not implemented is declared without
//! parameters: it looks at none, and in both 64-bit calling conventions the caller clears them away.

use windows_core::{HRESULT, IUnknown, interface};

use super::{Client_Impl, E_NOTIMPL};
use crate::command::Command;
use crate::edge::Out;

#[interface("8c31e98c-983a-48a5-9016-6fe5d667a950")]
/// Slots 3 to 51.
pub unsafe trait IDebugSymbols: IUnknown {
    pub fn GetSymbolOptions(&self, options: *mut u32) -> HRESULT;
    pub fn AddSymbolOptions(&self, options: u32) -> HRESULT;
    pub fn RemoveSymbolOptions(&self, options: u32) -> HRESULT;
    pub fn SetSymbolOptions(&self, options: u32) -> HRESULT;
    pub fn GetNameByOffset(&self) -> HRESULT;
    pub fn GetOffsetByName(&self) -> HRESULT;
    pub fn GetNearNameByOffset(&self) -> HRESULT;
    pub fn GetLineByOffset(&self) -> HRESULT;
    pub fn GetOffsetByLine(&self) -> HRESULT;
    pub fn GetNumberModules(&self, loaded: *mut u32, unloaded: *mut u32) -> HRESULT;
    pub fn GetModuleByIndex(&self) -> HRESULT;
    pub fn GetModuleByModuleName(&self) -> HRESULT;
    pub fn GetModuleByOffset(&self) -> HRESULT;
    pub fn GetModuleNames(&self) -> HRESULT;
    pub fn GetModuleParameters(&self) -> HRESULT;
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
    pub fn StartSymbolMatch(&self) -> HRESULT;
    pub fn GetNextSymbolMatch(&self) -> HRESULT;
    pub fn EndSymbolMatch(&self) -> HRESULT;
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
    pub fn GetModuleNameString(&self) -> HRESULT;
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
    pub fn GetNameByOffsetWide(&self) -> HRESULT;
    pub fn GetOffsetByNameWide(&self) -> HRESULT;
    pub fn GetNearNameByOffsetWide(&self) -> HRESULT;
    pub fn GetLineByOffsetWide(&self) -> HRESULT;
    pub fn GetOffsetByLineWide(&self) -> HRESULT;
    pub fn GetModuleByModuleNameWide(&self) -> HRESULT;
    pub fn GetSymbolModuleWide(&self) -> HRESULT;
    pub fn GetTypeNameWide(&self) -> HRESULT;
    pub fn GetTypeIdWide(&self) -> HRESULT;
    pub fn GetFieldOffsetWide(&self) -> HRESULT;
    pub fn GetSymbolTypeIdWide(&self) -> HRESULT;
    pub fn GetScopeSymbolGroup2(&self) -> HRESULT;
    pub fn CreateSymbolGroup2(&self) -> HRESULT;
    pub fn StartSymbolMatchWide(&self) -> HRESULT;
    pub fn GetNextSymbolMatchWide(&self) -> HRESULT;
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
    pub fn GetModuleNameStringWide(&self) -> HRESULT;
    pub fn GetConstantNameWide(&self) -> HRESULT;
    pub fn GetFieldNameWide(&self) -> HRESULT;
    pub fn IsManagedModule(&self) -> HRESULT;
    pub fn GetModuleByModuleName2(&self) -> HRESULT;
    pub fn GetModuleByModuleName2Wide(&self) -> HRESULT;
    pub fn GetModuleByOffset2(&self) -> HRESULT;
    pub fn AddSyntheticModule(&self) -> HRESULT;
    pub fn AddSyntheticModuleWide(&self) -> HRESULT;
    pub fn RemoveSyntheticModule(&self) -> HRESULT;
    pub fn GetCurrentScopeFrameIndex(&self) -> HRESULT;
    pub fn SetScopeFrameByIndex(&self) -> HRESULT;
    pub fn SetScopeFromJitDebugInfo(&self) -> HRESULT;
    pub fn SetScopeFromStoredEvent(&self) -> HRESULT;
    pub fn OutputSymbolByOffset(&self) -> HRESULT;
    pub fn GetFunctionEntryByOffset(&self) -> HRESULT;
    pub fn GetFieldTypeAndOffset(&self) -> HRESULT;
    pub fn GetFieldTypeAndOffsetWide(&self) -> HRESULT;
    pub fn AddSyntheticSymbol(&self) -> HRESULT;
    pub fn AddSyntheticSymbolWide(&self) -> HRESULT;
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

impl IDebugSymbols_Impl for Client_Impl {
    methods! {
        GetSymbolOptions(options: *mut u32)
            = GetSymbolOptions {}
            => [Out::NeedU32(options)];
        AddSymbolOptions(options: u32)
            = AddSymbolOptions { options }
            => [];
        RemoveSymbolOptions(options: u32)
            = RemoveSymbolOptions { options }
            => [];
        SetSymbolOptions(options: u32)
            = SetSymbolOptions { options }
            => [];
    }

    not_implemented! {
        GetNameByOffset GetOffsetByName GetNearNameByOffset GetLineByOffset GetOffsetByLine
    }

    methods! {
        GetNumberModules(loaded: *mut u32, unloaded: *mut u32)
            = GetNumberModules {}
            => [Out::NeedU32(loaded), Out::NeedU32(unloaded)];
    }

    not_implemented! {
        GetModuleByIndex GetModuleByModuleName GetModuleByOffset GetModuleNames GetModuleParameters
        GetSymbolModule GetTypeName GetTypeId GetTypeSize GetFieldOffset GetSymbolTypeId GetOffsetTypeId
        ReadTypedDataVirtual WriteTypedDataVirtual OutputTypedDataVirtual ReadTypedDataPhysical
        WriteTypedDataPhysical OutputTypedDataPhysical GetScope SetScope ResetScope GetScopeSymbolGroup
        CreateSymbolGroup StartSymbolMatch GetNextSymbolMatch EndSymbolMatch Reload GetSymbolPath
        SetSymbolPath AppendSymbolPath GetImagePath SetImagePath AppendImagePath GetSourcePath
        GetSourcePathElement SetSourcePath AppendSourcePath FindSourceFile GetSourceFileLineOffsets
    }
}

impl IDebugSymbols2_Impl for Client_Impl {
    not_implemented! {
        GetModuleVersionInformation GetModuleNameString GetConstantName GetFieldName GetTypeOptions
        AddTypeOptions RemoveTypeOptions SetTypeOptions
    }
}

impl IDebugSymbols3_Impl for Client_Impl {
    not_implemented! {
        GetNameByOffsetWide GetOffsetByNameWide GetNearNameByOffsetWide GetLineByOffsetWide
        GetOffsetByLineWide GetModuleByModuleNameWide GetSymbolModuleWide GetTypeNameWide GetTypeIdWide
        GetFieldOffsetWide GetSymbolTypeIdWide GetScopeSymbolGroup2 CreateSymbolGroup2
        StartSymbolMatchWide GetNextSymbolMatchWide ReloadWide GetSymbolPathWide SetSymbolPathWide
        AppendSymbolPathWide GetImagePathWide SetImagePathWide AppendImagePathWide GetSourcePathWide
        GetSourcePathElementWide SetSourcePathWide AppendSourcePathWide FindSourceFileWide
        GetSourceFileLineOffsetsWide GetModuleVersionInformationWide GetModuleNameStringWide
        GetConstantNameWide GetFieldNameWide IsManagedModule GetModuleByModuleName2
        GetModuleByModuleName2Wide GetModuleByOffset2 AddSyntheticModule AddSyntheticModuleWide
        RemoveSyntheticModule GetCurrentScopeFrameIndex SetScopeFrameByIndex SetScopeFromJitDebugInfo
        SetScopeFromStoredEvent OutputSymbolByOffset GetFunctionEntryByOffset GetFieldTypeAndOffset
        GetFieldTypeAndOffsetWide AddSyntheticSymbol AddSyntheticSymbolWide RemoveSyntheticSymbol
        GetSymbolEntriesByOffset GetSymbolEntriesByName GetSymbolEntriesByNameWide GetSymbolEntryByToken
        GetSymbolEntryInformation GetSymbolEntryString GetSymbolEntryStringWide
        GetSymbolEntryOffsetRegions GetSymbolEntryBySymbolEntry GetSourceEntriesByOffset
        GetSourceEntriesByLine GetSourceEntriesByLineWide GetSourceEntryString GetSourceEntryStringWide
        GetSourceEntryOffsetRegions GetSourceEntryBySourceEntry
    }
}
