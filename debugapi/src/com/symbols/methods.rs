//! IDebugSymbols: modules and names. What needs types, lines or scopes is not there.

use std::ffi::{c_char, c_void};

use windows_core::HRESULT;

use super::interface::{IDebugSymbols_Impl, IDebugSymbols2_Impl, IDebugSymbols3_Impl};
use crate::com::{Client_Impl, E_NOTIMPL};
use crate::command::Command;
use crate::edge::{Out, input, room, text, wide_text};

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
        GetNameByOffset(offset: u64, buffer: *mut c_char, size: u32, used: *mut u32, displacement: *mut u64)
            = GetNameByOffset { offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(displacement)];
    }

    unsafe fn GetOffsetByName(&self, symbol: *const c_char, offset: *mut u64) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                text(symbol),
                |symbol| Command::GetOffsetByName { symbol },
                &[Out::NeedU64(offset)],
            )
        }
    }

    methods! {
        GetNearNameByOffset(offset: u64, delta: u32, buffer: *mut c_char, size: u32, used: *mut u32, displacement: *mut u64)
            = GetNearNameByOffset { offset, delta, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(displacement)];
    }

    not_implemented! {
        GetLineByOffset GetOffsetByLine
    }

    methods! {
        GetNumberModules(loaded: *mut u32, unloaded: *mut u32)
            = GetNumberModules {}
            => [Out::NeedU32(loaded), Out::NeedU32(unloaded)];
        GetModuleByIndex(index: u32, base: *mut u64)
            = GetModuleByIndex { index }
            => [Out::NeedU64(base)];
    }

    unsafe fn GetModuleByModuleName(
        &self,
        name: *const c_char,
        start_index: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                text(name),
                |name| Command::GetModuleByModuleName { name, start_index },
                &[Out::U32(index), Out::U64(base)],
            )
        }
    }

    methods! {
        GetModuleByOffset(offset: u64, start_index: u32, index: *mut u32, base: *mut u64)
            = GetModuleByOffset { offset, start_index }
            => [Out::U32(index), Out::U64(base)];
        GetModuleNames(index: u32, base: u64, image: *mut c_char, image_size: u32, image_used: *mut u32, module: *mut c_char, module_size: u32, module_used: *mut u32, loaded: *mut c_char, loaded_size: u32, loaded_used: *mut u32)
            = GetModuleNames { index, base, image: room(image, image_size), module: room(module, module_size), loaded_image: room(loaded, loaded_size) }
            => [Out::Bytes(image.cast()), Out::U32(image_used), Out::Bytes(module.cast()), Out::U32(module_used), Out::Bytes(loaded.cast()), Out::U32(loaded_used)];
        GetModuleParameters(count: u32, bases: *const u64, start: u32, parameters: *mut c_void)
            = GetModuleParameters { count, bases: input(bases, count), start }
            => [Out::NeedBytes(parameters)];
    }

    not_implemented! {
        GetSymbolModule GetTypeName GetTypeId GetTypeSize GetFieldOffset GetSymbolTypeId GetOffsetTypeId
        ReadTypedDataVirtual WriteTypedDataVirtual OutputTypedDataVirtual ReadTypedDataPhysical
        WriteTypedDataPhysical OutputTypedDataPhysical GetScope SetScope ResetScope GetScopeSymbolGroup
        CreateSymbolGroup
    }

    unsafe fn StartSymbolMatch(&self, pattern: *const c_char, handle: *mut u64) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                text(pattern),
                |pattern| Command::StartSymbolMatch { pattern },
                &[Out::NeedU64(handle)],
            )
        }
    }

    methods! {
        GetNextSymbolMatch(handle: u64, buffer: *mut c_char, size: u32, used: *mut u32, offset: *mut u64)
            = GetNextSymbolMatch { handle, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(offset)];
        EndSymbolMatch(handle: u64)
            = EndSymbolMatch { handle }
            => [];
    }

    not_implemented! {
        Reload GetSymbolPath SetSymbolPath AppendSymbolPath GetImagePath SetImagePath AppendImagePath
        GetSourcePath GetSourcePathElement SetSourcePath AppendSourcePath FindSourceFile
        GetSourceFileLineOffsets
    }
}

impl IDebugSymbols2_Impl for Client_Impl {
    not_implemented! {
        GetModuleVersionInformation
    }

    methods! {
        GetModuleNameString(which: u32, index: u32, base: u64, buffer: *mut c_char, size: u32, used: *mut u32)
            = GetModuleNameString { which, index, base, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used)];
    }

    not_implemented! {
        GetConstantName GetFieldName GetTypeOptions AddTypeOptions RemoveTypeOptions SetTypeOptions
    }
}

impl IDebugSymbols3_Impl for Client_Impl {
    methods! {
        GetNameByOffsetWide(offset: u64, buffer: *mut u16, size: u32, used: *mut u32, displacement: *mut u64)
            = GetNameByOffsetWide { offset, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(displacement)];
    }

    unsafe fn GetOffsetByNameWide(&self, symbol: *const u16, offset: *mut u64) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                wide_text(symbol),
                |symbol| Command::GetOffsetByName { symbol },
                &[Out::NeedU64(offset)],
            )
        }
    }

    methods! {
        GetNearNameByOffsetWide(offset: u64, delta: u32, buffer: *mut u16, size: u32, used: *mut u32, displacement: *mut u64)
            = GetNearNameByOffsetWide { offset, delta, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(displacement)];
    }

    not_implemented! {
        GetLineByOffsetWide GetOffsetByLineWide
    }

    unsafe fn GetModuleByModuleNameWide(
        &self,
        name: *const u16,
        start_index: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                wide_text(name),
                |name| Command::GetModuleByModuleName { name, start_index },
                &[Out::U32(index), Out::U64(base)],
            )
        }
    }

    not_implemented! {
        GetSymbolModuleWide GetTypeNameWide GetTypeIdWide GetFieldOffsetWide GetSymbolTypeIdWide
        GetScopeSymbolGroup2 CreateSymbolGroup2
    }

    unsafe fn StartSymbolMatchWide(&self, pattern: *const u16, handle: *mut u64) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                wide_text(pattern),
                |pattern| Command::StartSymbolMatch { pattern },
                &[Out::NeedU64(handle)],
            )
        }
    }

    methods! {
        GetNextSymbolMatchWide(handle: u64, buffer: *mut u16, size: u32, used: *mut u32, offset: *mut u64)
            = GetNextSymbolMatchWide { handle, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used), Out::U64(offset)];
    }

    not_implemented! {
        ReloadWide GetSymbolPathWide SetSymbolPathWide AppendSymbolPathWide GetImagePathWide
        SetImagePathWide AppendImagePathWide GetSourcePathWide GetSourcePathElementWide SetSourcePathWide
        AppendSourcePathWide FindSourceFileWide GetSourceFileLineOffsetsWide GetModuleVersionInformationWide
    }

    methods! {
        GetModuleNameStringWide(which: u32, index: u32, base: u64, buffer: *mut u16, size: u32, used: *mut u32)
            = GetModuleNameStringWide { which, index, base, buffer: room(buffer, size) }
            => [Out::Bytes(buffer.cast()), Out::U32(used)];
    }

    not_implemented! {
        GetConstantNameWide GetFieldNameWide IsManagedModule
    }

    unsafe fn GetModuleByModuleName2(
        &self,
        name: *const c_char,
        start_index: u32,
        flags: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                text(name),
                |name| Command::GetModuleByModuleName2 { name, start_index, flags },
                &[Out::U32(index), Out::U64(base)],
            )
        }
    }

    unsafe fn GetModuleByModuleName2Wide(
        &self,
        name: *const u16,
        start_index: u32,
        flags: u32,
        index: *mut u32,
        base: *mut u64,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                wide_text(name),
                |name| Command::GetModuleByModuleName2 { name, start_index, flags },
                &[Out::U32(index), Out::U64(base)],
            )
        }
    }

    methods! {
        GetModuleByOffset2(offset: u64, start_index: u32, flags: u32, index: *mut u32, base: *mut u64)
            = GetModuleByOffset2 { offset, start_index, flags }
            => [Out::U32(index), Out::U64(base)];
    }

    unsafe fn AddSyntheticModule(
        &self,
        base: u64,
        size: u32,
        image_path: *const c_char,
        module_name: *const c_char,
        flags: u32,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                text(image_path).zip(text(module_name)),
                |(image_path, module_name)| Command::AddSyntheticModule {
                    base,
                    size,
                    image_path,
                    module_name,
                    flags,
                },
                &[],
            )
        }
    }

    unsafe fn AddSyntheticModuleWide(
        &self,
        base: u64,
        size: u32,
        image_path: *const u16,
        module_name: *const u16,
        flags: u32,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                wide_text(image_path).zip(wide_text(module_name)),
                |(image_path, module_name)| Command::AddSyntheticModule {
                    base,
                    size,
                    image_path,
                    module_name,
                    flags,
                },
                &[],
            )
        }
    }

    methods! {
        RemoveSyntheticModule(base: u64)
            = RemoveSyntheticModule { base }
            => [];
    }

    not_implemented! {
        GetCurrentScopeFrameIndex SetScopeFrameByIndex SetScopeFromJitDebugInfo SetScopeFromStoredEvent
        OutputSymbolByOffset GetFunctionEntryByOffset GetFieldTypeAndOffset GetFieldTypeAndOffsetWide
    }

    unsafe fn AddSyntheticSymbol(
        &self,
        offset: u64,
        size: u32,
        name: *const c_char,
        flags: u32,
        id: *mut c_void,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                text(name),
                |name| Command::AddSyntheticSymbol { offset, size, name, flags },
                &[Out::Bytes(id)],
            )
        }
    }

    unsafe fn AddSyntheticSymbolWide(
        &self,
        offset: u64,
        size: u32,
        name: *const u16,
        flags: u32,
        id: *mut c_void,
    ) -> HRESULT {
        // SAFETY: a COM client vouches for its pointers.
        unsafe {
            self.shared.call_with(
                wide_text(name),
                |name| Command::AddSyntheticSymbol { offset, size, name, flags },
                &[Out::Bytes(id)],
            )
        }
    }

    not_implemented! {
        RemoveSyntheticSymbol GetSymbolEntriesByOffset GetSymbolEntriesByName GetSymbolEntriesByNameWide
        GetSymbolEntryByToken GetSymbolEntryInformation GetSymbolEntryString GetSymbolEntryStringWide
        GetSymbolEntryOffsetRegions GetSymbolEntryBySymbolEntry GetSourceEntriesByOffset
        GetSourceEntriesByLine GetSourceEntriesByLineWide GetSourceEntryString GetSourceEntryStringWide
        GetSourceEntryOffsetRegions GetSourceEntryBySourceEntry
    }
}
