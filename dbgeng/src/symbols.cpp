// IDebugSymbols to IDebugSymbols3. Narrow and wide forms of a method differ by the type of its
// characters alone; text that goes in is narrow on the wire.
#include "shapes.h"

namespace {

Call &room(Call &call, char *buffer, ULONG size) { return call.room(buffer, size); }
Call &room(Call &call, wchar_t *buffer, ULONG size) { return call.wide_room(buffer, size); }

template <unsigned Slot, typename Character>
HRESULT name_by_offset(Face *self, ULONG64 offset, Character *buffer, ULONG size, ULONG *used, ULONG64 *displacement) {
    Call call(self, Slot);
    return room(call.u64(offset), buffer, size).out(used).out(displacement).make();
}

template <typename Character> HRESULT offset_by_name(Face *self, const Character *symbol, ULONG64 *offset) {
    return Call(self, 8).text(symbol).must(offset).make();
}

template <unsigned Slot, typename Character>
HRESULT near_name(Face *self, ULONG64 offset, LONG delta, Character *buffer, ULONG size, ULONG *used,
                  ULONG64 *displacement) {
    Call call(self, Slot);
    call.u64(offset).u32(static_cast<ULONG>(delta));
    return room(call, buffer, size).out(used).out(displacement).make();
}

HRESULT number_of_modules(Face *self, ULONG *loaded, ULONG *unloaded) {
    return Call(self, 12).must(loaded).must(unloaded).make();
}

HRESULT module_by_index(Face *self, ULONG index, ULONG64 *base) { return Call(self, 13).u32(index).must(base).make(); }

template <typename Character>
HRESULT module_by_name(Face *self, const Character *name, ULONG start, ULONG *index, ULONG64 *base) {
    return Call(self, 14).text(name).u32(start).out(index).out(base).make();
}

template <typename Character>
HRESULT module_by_name2(Face *self, const Character *name, ULONG start, ULONG flags, ULONG *index, ULONG64 *base) {
    return Call(self, 93).text(name).u32(start).u32(flags).out(index).out(base).make();
}

HRESULT module_by_offset(Face *self, ULONG64 offset, ULONG start, ULONG *index, ULONG64 *base) {
    return Call(self, 15).u64(offset).u32(start).out(index).out(base).make();
}

HRESULT module_by_offset2(Face *self, ULONG64 offset, ULONG start, ULONG flags, ULONG *index, ULONG64 *base) {
    return Call(self, 95).u64(offset).u32(start).u32(flags).out(index).out(base).make();
}

HRESULT module_names(Face *self, ULONG index, ULONG64 base, char *image, ULONG image_size, ULONG *image_used,
                     char *module, ULONG module_size, ULONG *module_used, char *loaded, ULONG loaded_size,
                     ULONG *loaded_used) {
    // The wire has all sizes first, then all that comes back.
    Call call(self, 16);
    call.u32(index).u64(base);
    call.promise(image, image_size).promise(module, module_size).promise(loaded, loaded_size);
    call.array(image, image_size, 1).out(image_used).array(module, module_size, 1).out(module_used);
    return call.array(loaded, loaded_size, 1).out(loaded_used).make();
}

HRESULT module_parameters(Face *self, ULONG count, ULONG64 *bases, ULONG start, DEBUG_MODULE_PARAMETERS *parameters) {
    if (!parameters) return E_INVALIDARG;
    Call call(self, 17);
    call.u32(count).elements(bases, count, sizeof *bases).u32(start);
    return call.array(parameters, count, sizeof *parameters).make();
}

template <unsigned Slot, typename Character>
HRESULT module_name(Face *self, ULONG which, ULONG index, ULONG64 base, Character *buffer, ULONG size, ULONG *used) {
    Call call(self, Slot);
    call.u32(which).u32(index).u64(base);
    return room(call, buffer, size).out(used).make();
}

template <typename Character> HRESULT start_match(Face *self, const Character *pattern, ULONG64 *handle) {
    return Call(self, 36).text(pattern).must(handle).make();
}

template <unsigned Slot, typename Character>
HRESULT next_match(Face *self, ULONG64 handle, Character *buffer, ULONG size, ULONG *used, ULONG64 *offset) {
    Call call(self, Slot);
    return room(call.u64(handle), buffer, size).out(used).out(offset).make();
}

template <typename Character>
HRESULT add_module(Face *self, ULONG64 base, ULONG size, const Character *image, const Character *module, ULONG flags) {
    return Call(self, 96).u64(base).u32(size).text(image).text(module).u32(flags).make();
}

// DEBUG_MODULE_AND_ID: the module's base and the symbol's number.
template <typename Character>
HRESULT add_symbol(Face *self, ULONG64 offset, ULONG size, const Character *name, ULONG flags, void *id) {
    return Call(self, 107).u64(offset).u32(size).text(name).u32(flags).array(id, 2, sizeof(ULONG64)).make();
}

} // namespace

const Vtable SYMBOLS_METHODS = {
    at(3, get32<3>),                     // GetSymbolOptions
    at(4, set32<4>),                     // AddSymbolOptions
    at(5, set32<5>),                     // RemoveSymbolOptions
    at(6, set32<6>),                     // SetSymbolOptions
    at(7, name_by_offset<7, char>),      // GetNameByOffset
    at(8, offset_by_name<char>),         // GetOffsetByName
    at(9, near_name<9, char>),           // GetNearNameByOffset
    at(12, number_of_modules),           // GetNumberModules
    at(13, module_by_index),             // GetModuleByIndex
    at(14, module_by_name<char>),        // GetModuleByModuleName
    at(15, module_by_offset),            // GetModuleByOffset
    at(16, module_names),                // GetModuleNames
    at(17, module_parameters),           // GetModuleParameters
    at(36, start_match<char>),           // StartSymbolMatch
    at(37, next_match<37, char>),        // GetNextSymbolMatch
    at(38, set64<38>),                   // EndSymbolMatch
    at(53, module_name<53, char>),       // GetModuleNameString
    at(60, name_by_offset<60, wchar_t>), // GetNameByOffsetWide
    at(61, offset_by_name<wchar_t>),     // GetOffsetByNameWide
    at(62, near_name<62, wchar_t>),      // GetNearNameByOffsetWide
    at(65, module_by_name<wchar_t>),     // GetModuleByModuleNameWide
    at(73, start_match<wchar_t>),        // StartSymbolMatchWide
    at(74, next_match<74, wchar_t>),     // GetNextSymbolMatchWide
    at(89, module_name<89, wchar_t>),    // GetModuleNameStringWide
    at(93, module_by_name2<char>),       // GetModuleByModuleName2
    at(94, module_by_name2<wchar_t>),    // GetModuleByModuleName2Wide
    at(95, module_by_offset2),           // GetModuleByOffset2
    at(96, add_module<char>),            // AddSyntheticModule
    at(97, add_module<wchar_t>),         // AddSyntheticModuleWide
    at(98, set64<98>),                   // RemoveSyntheticModule
    at(107, add_symbol<char>),           // AddSyntheticSymbol
    at(108, add_symbol<wchar_t>),        // AddSyntheticSymbolWide
};
