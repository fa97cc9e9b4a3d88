// IDebugRegisters.
#include "shapes.h"

namespace {

static_assert(sizeof(DEBUG_VALUE) == 32, "a DEBUG_VALUE is 24 bytes of value, 4 of tail and 4 of type");

HRESULT description(Face *self, ULONG index, char *name, ULONG name_room, ULONG *name_size,
                    DEBUG_REGISTER_DESCRIPTION *description) {
    Call call(self, 4);
    return call.u32(index).room(name, name_room).out(name_size).array(description, 1, sizeof *description).make();
}

HRESULT index_by_name(Face *self, const char *name, ULONG *index) { return Call(self, 5).text(name).must(index).make(); }

HRESULT value(Face *self, ULONG index, DEBUG_VALUE *value) {
    return Call(self, 6).u32(index).must_bytes(value, sizeof *value).make();
}

HRESULT set_value(Face *self, ULONG index, DEBUG_VALUE *value) {
    return Call(self, 7).u32(index).raw(value, sizeof *value).make();
}

HRESULT values(Face *self, ULONG count, ULONG *indices, ULONG start, DEBUG_VALUE *values) {
    Call call(self, 8);
    call.u32(count).elements(indices, count, sizeof *indices).u32(start);
    return call.must_bytes(values, sizeof *values * static_cast<size_t>(count)).make();
}

HRESULT set_values(Face *self, ULONG count, ULONG *indices, ULONG start, DEBUG_VALUE *values) {
    Call call(self, 9);
    return call.elements(indices, count, sizeof *indices).u32(start).elements(values, count, sizeof *values).make();
}

} // namespace

const Vtable REGISTERS_METHODS = {
    at(3, get32<3>),        // GetNumberRegisters
    at(4, description),     // GetDescription
    at(5, index_by_name),   // GetIndexByName
    at(6, value),           // GetValue
    at(7, set_value),       // SetValue
    at(8, values),          // GetValues
    at(9, set_values),      // SetValues
    at(11, get64<11>),      // GetInstructionOffset
    at(12, get64<12>),      // GetStackOffset
    at(13, get64<13>),      // GetFrameOffset
};
