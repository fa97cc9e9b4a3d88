// IDebugSystemObjects to IDebugSystemObjects4.
#include "shapes.h"

namespace {

HRESULT total_threads(Face *self, ULONG *total, ULONG *largest_process) {
    return Call(self, 10).must(total).must(largest_process).make();
}

template <unsigned Slot> HRESULT ids_by_index(Face *self, ULONG start, ULONG count, ULONG *ids, ULONG *system_ids) {
    Call call(self, Slot);
    return call.u32(start).u32(count).array(ids, count, sizeof *ids).array(system_ids, count, sizeof *ids).make();
}

} // namespace

const Vtable SYSTEM_OBJECTS_METHODS = {
    at(3, get32<3>),           // GetEventThread
    at(4, get32<4>),           // GetEventProcess
    at(5, get32<5>),           // GetCurrentThreadId
    at(6, set32<6>),           // SetCurrentThreadId
    at(7, get32<7>),           // GetCurrentProcessId
    at(8, set32<8>),           // SetCurrentProcessId
    at(9, get32<9>),           // GetNumberThreads
    at(10, total_threads),     // GetTotalNumberThreads
    at(11, ids_by_index<11>),  // GetThreadIdsByIndex
    at(12, look_up32<12>),     // GetThreadIdByProcessor
    at(21, get32<21>),         // GetNumberProcesses
    at(22, ids_by_index<22>),  // GetProcessIdsByIndex
    at(35, get64<35>),         // GetImplicitProcessDataOffset
    at(36, set64<36>),         // SetImplicitProcessDataOffset
};
