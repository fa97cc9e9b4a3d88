// What the dbgeng.h of mingw-w64 does not declare and clients of Ringhold use: the fourth version
// of the data spaces, and the host memory of the data model.
//
// Names, identifiers, the order of methods and the values of constants are those of Microsoft's
// public documentation and metadata. Include it after <dbgeng.h>. Where the toolchain's own
// dbgeng.h has these declarations, as the Windows SDK's does, they are taken from there.
#ifndef RINGHOLD_DBGENG_H
#define RINGHOLD_DBGENG_H

#include <windows.h>
#include <dbgeng.h>

// The Windows SDK's dbgeng.h has this constant beside IDebugDataSpaces4.
#ifndef DEBUG_OFFSINFO_VIRTUAL_SOURCE

#define DEBUG_PHYSICAL_DEFAULT 0x00000000
#define DEBUG_PHYSICAL_CACHED 0x00000001
#define DEBUG_PHYSICAL_UNCACHED 0x00000002
#define DEBUG_PHYSICAL_WRITE_COMBINED 0x00000003

#define DEBUG_VSEARCH_DEFAULT 0x00000000
#define DEBUG_VSEARCH_WRITABLE_ONLY 0x00000001

#define DEBUG_OFFSINFO_VIRTUAL_SOURCE 0x00000001

#define DEBUG_VSOURCE_INVALID 0x00000000
#define DEBUG_VSOURCE_DEBUGGEE 0x00000001
#define DEBUG_VSOURCE_MAPPED_IMAGE 0x00000002
#define DEBUG_VSOURCE_DUMP_WITHOUT_MEMINFO 0x00000003

#ifdef __cplusplus
extern "C" {
#endif

STDAPI DebugConnectWide(PCWSTR RemoteOptions, REFIID InterfaceId, PVOID *Interface);
STDAPI DebugCreateEx(REFIID InterfaceId, DWORD DbgEngOptions, PVOID *Interface);

#ifdef __cplusplus
}
#endif

// {d98ada1f-29e9-4ef5-a6c0-e53349883212}
DEFINE_GUID(IID_IDebugDataSpaces4, 0xd98ada1f, 0x29e9, 0x4ef5, 0xa6, 0xc0, 0xe5, 0x33, 0x49, 0x88, 0x32, 0x12);

#undef INTERFACE
#define INTERFACE IDebugDataSpaces4
DECLARE_INTERFACE_(IDebugDataSpaces4, IUnknown) {
    // IUnknown: slots 0 to 2.
    STDMETHOD(QueryInterface)(THIS_ REFIID InterfaceId, PVOID *Interface) PURE;
    STDMETHOD_(ULONG, AddRef)(THIS) PURE;
    STDMETHOD_(ULONG, Release)(THIS) PURE;
    // IDebugDataSpaces: slots 3 to 22.
    STDMETHOD(ReadVirtual)(THIS_ ULONG64 Offset, PVOID Buffer, ULONG BufferSize, PULONG BytesRead) PURE;
    STDMETHOD(WriteVirtual)(THIS_ ULONG64 Offset, PVOID Buffer, ULONG BufferSize, PULONG BytesWritten) PURE;
    STDMETHOD(SearchVirtual)(THIS_ ULONG64 Offset, ULONG64 Length, PVOID Pattern, ULONG PatternSize,
                             ULONG PatternGranularity, PULONG64 MatchOffset) PURE;
    STDMETHOD(ReadVirtualUncached)(THIS_ ULONG64 Offset, PVOID Buffer, ULONG BufferSize, PULONG BytesRead) PURE;
    STDMETHOD(WriteVirtualUncached)(THIS_ ULONG64 Offset, PVOID Buffer, ULONG BufferSize, PULONG BytesWritten) PURE;
    STDMETHOD(ReadPointersVirtual)(THIS_ ULONG Count, ULONG64 Offset, PULONG64 Ptrs) PURE;
    STDMETHOD(WritePointersVirtual)(THIS_ ULONG Count, ULONG64 Offset, PULONG64 Ptrs) PURE;
    STDMETHOD(ReadPhysical)(THIS_ ULONG64 Offset, PVOID Buffer, ULONG BufferSize, PULONG BytesRead) PURE;
    STDMETHOD(WritePhysical)(THIS_ ULONG64 Offset, PVOID Buffer, ULONG BufferSize, PULONG BytesWritten) PURE;
    STDMETHOD(ReadControl)(THIS_ ULONG Processor, ULONG64 Offset, PVOID Buffer, ULONG BufferSize,
                           PULONG BytesRead) PURE;
    STDMETHOD(WriteControl)(THIS_ ULONG Processor, ULONG64 Offset, PVOID Buffer, ULONG BufferSize,
                            PULONG BytesWritten) PURE;
    STDMETHOD(ReadIo)(THIS_ ULONG InterfaceType, ULONG BusNumber, ULONG AddressSpace, ULONG64 Offset, PVOID Buffer,
                      ULONG BufferSize, PULONG BytesRead) PURE;
    STDMETHOD(WriteIo)(THIS_ ULONG InterfaceType, ULONG BusNumber, ULONG AddressSpace, ULONG64 Offset, PVOID Buffer,
                       ULONG BufferSize, PULONG BytesWritten) PURE;
    STDMETHOD(ReadMsr)(THIS_ ULONG Msr, PULONG64 Value) PURE;
    STDMETHOD(WriteMsr)(THIS_ ULONG Msr, ULONG64 Value) PURE;
    STDMETHOD(ReadBusData)(THIS_ ULONG BusDataType, ULONG BusNumber, ULONG SlotNumber, ULONG Offset, PVOID Buffer,
                           ULONG BufferSize, PULONG BytesRead) PURE;
    STDMETHOD(WriteBusData)(THIS_ ULONG BusDataType, ULONG BusNumber, ULONG SlotNumber, ULONG Offset, PVOID Buffer,
                            ULONG BufferSize, PULONG BytesWritten) PURE;
    STDMETHOD(CheckLowMemory)(THIS) PURE;
    STDMETHOD(ReadDebuggerData)(THIS_ ULONG Index, PVOID Buffer, ULONG BufferSize, PULONG DataSize) PURE;
    STDMETHOD(ReadProcessorSystemData)(THIS_ ULONG Processor, ULONG Index, PVOID Buffer, ULONG BufferSize,
                                       PULONG DataSize) PURE;
    // IDebugDataSpaces2: slots 23 to 28.
    STDMETHOD(VirtualToPhysical)(THIS_ ULONG64 Virtual, PULONG64 Physical) PURE;
    STDMETHOD(GetVirtualTranslationPhysicalOffsets)(THIS_ ULONG64 Virtual, PULONG64 Offsets, ULONG OffsetsSize,
                                                    PULONG Levels) PURE;
    STDMETHOD(ReadHandleData)(THIS_ ULONG64 Handle, ULONG DataType, PVOID Buffer, ULONG BufferSize,
                              PULONG DataSize) PURE;
    STDMETHOD(FillVirtual)(THIS_ ULONG64 Start, ULONG Size, PVOID Pattern, ULONG PatternSize, PULONG Filled) PURE;
    STDMETHOD(FillPhysical)(THIS_ ULONG64 Start, ULONG Size, PVOID Pattern, ULONG PatternSize, PULONG Filled) PURE;
    STDMETHOD(QueryVirtual)(THIS_ ULONG64 Offset, PMEMORY_BASIC_INFORMATION64 Info) PURE;
    // IDebugDataSpaces3: slots 29 to 33.
    STDMETHOD(ReadImageNtHeaders)(THIS_ ULONG64 ImageBase, PIMAGE_NT_HEADERS64 Headers) PURE;
    STDMETHOD(ReadTagged)(THIS_ LPGUID Tag, ULONG Offset, PVOID Buffer, ULONG BufferSize, PULONG TotalSize) PURE;
    STDMETHOD(StartEnumTagged)(THIS_ PULONG64 Handle) PURE;
    STDMETHOD(GetNextTagged)(THIS_ ULONG64 Handle, LPGUID Tag, PULONG Size) PURE;
    STDMETHOD(EndEnumTagged)(THIS_ ULONG64 Handle) PURE;
    // IDebugDataSpaces4: slots 34 to 43.
    STDMETHOD(GetOffsetInformation)(THIS_ ULONG Space, ULONG Which, ULONG64 Offset, PVOID Buffer, ULONG BufferSize,
                                    PULONG InfoSize) PURE;
    STDMETHOD(GetNextDifferentlyValidOffsetVirtual)(THIS_ ULONG64 Offset, PULONG64 NextOffset) PURE;
    STDMETHOD(GetValidRegionVirtual)(THIS_ ULONG64 Base, ULONG Size, PULONG64 ValidBase, PULONG ValidSize) PURE;
    STDMETHOD(SearchVirtual2)(THIS_ ULONG64 Offset, ULONG64 Length, ULONG Flags, PVOID Pattern, ULONG PatternSize,
                              ULONG PatternGranularity, PULONG64 MatchOffset) PURE;
    STDMETHOD(ReadMultiByteStringVirtual)(THIS_ ULONG64 Offset, ULONG MaxBytes, PSTR Buffer, ULONG BufferSize,
                                          PULONG StringBytes) PURE;
    STDMETHOD(ReadMultiByteStringVirtualWide)(THIS_ ULONG64 Offset, ULONG MaxBytes, ULONG CodePage, PWSTR Buffer,
                                              ULONG BufferSize, PULONG StringBytes) PURE;
    STDMETHOD(ReadUnicodeStringVirtual)(THIS_ ULONG64 Offset, ULONG MaxBytes, ULONG CodePage, PSTR Buffer,
                                        ULONG BufferSize, PULONG StringBytes) PURE;
    STDMETHOD(ReadUnicodeStringVirtualWide)(THIS_ ULONG64 Offset, ULONG MaxBytes, PWSTR Buffer, ULONG BufferSize,
                                            PULONG StringBytes) PURE;
    STDMETHOD(ReadPhysical2)(THIS_ ULONG64 Offset, ULONG Flags, PVOID Buffer, ULONG BufferSize,
                             PULONG BytesRead) PURE;
    STDMETHOD(WritePhysical2)(THIS_ ULONG64 Offset, ULONG Flags, PVOID Buffer, ULONG BufferSize,
                              PULONG BytesWritten) PURE;
};

#endif // DEBUG_OFFSINFO_VIRTUAL_SOURCE

// The Windows SDK declares the following in dbgmodel.h; include one of the two.
#ifndef __DBGMODEL_H__

// {212149c9-9183-4a3e-b00e-4fd1dc95339b}
DEFINE_GUID(IID_IDebugHostMemory, 0x212149c9, 0x9183, 0x4a3e, 0xb0, 0x0e, 0x4f, 0xd1, 0xdc, 0x95, 0x33, 0x9b);
// {eea033de-38f6-416b-a251-1d3771001270}
DEFINE_GUID(IID_IDebugHostMemory2, 0xeea033de, 0x38f6, 0x416b, 0xa2, 0x51, 0x1d, 0x37, 0x71, 0x00, 0x12, 0x70);
// {a68c70d8-5ec0-46e5-b775-3134a48ea2e3}
DEFINE_GUID(IID_IDebugHostContext, 0xa68c70d8, 0x5ec0, 0x46e5, 0xb7, 0x75, 0x31, 0x34, 0xa4, 0x8e, 0xa2, 0xe3);

// A place. With HostDefined 0, Offset is a virtual address; other values say what the host likes
// (docs/src/spaces/host_memory.md lists Ringhold's), and a client may change the offset alone. Passed by
// value, which on Win64 is a pointer to a copy.
struct Location {
    ULONG64 HostDefined;
    ULONG64 Offset;
};

#undef INTERFACE
#define INTERFACE IDebugHostContext
DECLARE_INTERFACE_(IDebugHostContext, IUnknown) {
    STDMETHOD(QueryInterface)(THIS_ REFIID InterfaceId, PVOID *Interface) PURE;
    STDMETHOD_(ULONG, AddRef)(THIS) PURE;
    STDMETHOD_(ULONG, Release)(THIS) PURE;
    STDMETHOD(IsEqualTo)(THIS_ IDebugHostContext *pContext, bool *pIsEqual) PURE;
};

#undef INTERFACE
#define INTERFACE IDebugHostMemory2
DECLARE_INTERFACE_(IDebugHostMemory2, IUnknown) {
    STDMETHOD(QueryInterface)(THIS_ REFIID InterfaceId, PVOID *Interface) PURE;
    STDMETHOD_(ULONG, AddRef)(THIS) PURE;
    STDMETHOD_(ULONG, Release)(THIS) PURE;
    // IDebugHostMemory: slots 3 to 7.
    STDMETHOD(ReadBytes)(THIS_ IDebugHostContext *context, Location location, void *buffer, ULONG64 bufferSize,
                         ULONG64 *bytesRead) PURE;
    STDMETHOD(WriteBytes)(THIS_ IDebugHostContext *context, Location location, void *buffer, ULONG64 bufferSize,
                          ULONG64 *bytesWritten) PURE;
    STDMETHOD(ReadPointers)(THIS_ IDebugHostContext *context, Location location, ULONG64 count,
                            ULONG64 *pointers) PURE;
    STDMETHOD(WritePointers)(THIS_ IDebugHostContext *context, Location location, ULONG64 count,
                             ULONG64 *pointers) PURE;
    STDMETHOD(GetDisplayStringForLocation)(THIS_ IDebugHostContext *context, Location location, bool verbose,
                                           BSTR *locationName) PURE;
    // IDebugHostMemory2: slot 8.
    STDMETHOD(LinearizeLocation)(THIS_ IDebugHostContext *context, Location location,
                                 Location *pLinearizedLocation) PURE;
};

// The first version is the second without its last method.
typedef IDebugHostMemory2 IDebugHostMemory;

#endif // __DBGMODEL_H__

#endif // RINGHOLD_DBGENG_H
