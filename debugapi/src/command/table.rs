//! The table of methods: interface, slot, name, in-parameters, out-parameters.

use super::parameters::{Data, Field, HostContext, Input, Malformed, Pointers, Reader, Room, Text};
use super::{Interface, Method, Shape};
use crate::Location;
use crate::spaces::Guid;

/// Makes from the table below the enum of commands, the list of methods, and what leads from one
/// to the other. A line `4 WriteVirtual { offset: u64, buffer: Data } -> [u32];` in the block of
/// an interface becomes the variant `Command::WriteVirtual { offset: u64, buffer: Data }`, the
/// method at slot 4, and the rule that its message is an `offset` followed by a `buffer` and its
/// answer one ULONG.
macro_rules! commands {
    ($($interface:ident {
        $($slot:literal $name:ident { $($field:ident: $kind:ty),* } -> [$($output:ident),*];)*
    })*) => {
        /// A call of a method.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "variants and fields have the names of methods and parameters")]
        pub enum Command {
            $($($name { $($field: $kind),* },)*)*
        }

        /// All methods, by interface and slot. What is not here answers E_NOTIMPL.
        pub const METHODS: &[Method] = &[$($(
            Method {
                interface: Interface::$interface,
                slot: $slot,
                name: stringify!($name),
                parameters: &[$((stringify!($field), stringify!($kind))),*],
                outputs: &[$(Shape::$output),*],
            },
        )*)*];

        impl Command {
            /// The interface and the slot.
            pub fn number(&self) -> (Interface, u16) {
                match self {
                    $($(Self::$name { .. } => (Interface::$interface, $slot),)*)*
                }
            }

            /// Appends the in-parameters in their order.
            pub fn put(&self, to: &mut Vec<u8>) {
                match self {
                    $($(Self::$name { $($field),* } => {
                        $($field.put(to);)*
                        let _ = &to;
                    })*)*
                }
            }

            /// Reads the in-parameters of a method. `None` if there is no such method.
            ///
            /// # Errors
            /// [`Malformed`]
            pub fn take(
                interface: u16,
                slot: u16,
                from: &mut Reader<'_>,
            ) -> Result<Option<Self>, Malformed> {
                let _ = &from;
                $($(
                    if interface == Interface::$interface as u16 && slot == $slot {
                        return Ok(Some(Self::$name { $($field: Field::take(from)?),* }));
                    }
                )*)*
                Ok(None)
            }
        }
    };
}

commands! {
    Session {
        0 Hello { version: u32 } -> [u32];
        1 TakeEvents {} -> [];
        2 Run { instructions: u64 } -> [u32, u32];
        3 GetClock {} -> [u64, u64];
        4 GetStateHash {} -> [bytes];
        5 TakeOutput { device: Text, buffer: Room } -> [bytes, u32];
        6 Input { device: Text, bytes: Data } -> [];
    }
    DataSpaces {
        3 ReadVirtual { offset: u64, buffer: Room } -> [bytes, u32];
        4 WriteVirtual { offset: u64, buffer: Data } -> [u32];
        5 SearchVirtual { offset: u64, length: u64, pattern: Data, granularity: u32 } -> [u64];
        6 ReadVirtualUncached { offset: u64, buffer: Room } -> [bytes, u32];
        7 WriteVirtualUncached { offset: u64, buffer: Data } -> [u32];
        8 ReadPointersVirtual { offset: u64, pointers: Room } -> [pointers];
        9 WritePointersVirtual { offset: u64, pointers: Pointers } -> [];
        10 ReadPhysical { offset: u64, buffer: Room } -> [bytes, u32];
        11 WritePhysical { offset: u64, buffer: Data } -> [u32];
        12 ReadControl { processor: u32, offset: u64, buffer: Room } -> [bytes, u32];
        13 WriteControl { processor: u32, offset: u64, buffer: Data } -> [u32];
        14 ReadIo { interface_type: u32, bus_number: u32, address_space: u32, offset: u64, buffer: Room } -> [bytes, u32];
        15 WriteIo { interface_type: u32, bus_number: u32, address_space: u32, offset: u64, buffer: Data } -> [u32];
        16 ReadMsr { msr: u32 } -> [u64];
        17 WriteMsr { msr: u32, value: u64 } -> [];
        18 ReadBusData { bus_data_type: u32, bus_number: u32, slot_number: u32, offset: u32, buffer: Room } -> [bytes, u32];
        19 WriteBusData { bus_data_type: u32, bus_number: u32, slot_number: u32, offset: u32, buffer: Data } -> [u32];
        20 CheckLowMemory {} -> [];
        21 ReadDebuggerData { index: u32, buffer: Room } -> [bytes, u32];
        22 ReadProcessorSystemData { processor: u32, index: u32, buffer: Room } -> [bytes, u32];
        23 VirtualToPhysical { virtual_address: u64 } -> [u64];
        24 GetVirtualTranslationPhysicalOffsets { virtual_address: u64, offsets: Room } -> [pointers, u32];
        25 ReadHandleData { handle: u64, data_type: u32, buffer: Room } -> [bytes, u32];
        26 FillVirtual { start: u64, size: u32, pattern: Data } -> [u32];
        27 FillPhysical { start: u64, size: u32, pattern: Data } -> [u32];
        28 QueryVirtual { offset: u64 } -> [bytes];
        29 ReadImageNtHeaders { image_base: u64 } -> [bytes];
        30 ReadTagged { tag: Guid, offset: u32, buffer: Room } -> [bytes, u32];
        31 StartEnumTagged {} -> [u64];
        32 GetNextTagged { handle: u64 } -> [guid, u32];
        33 EndEnumTagged { handle: u64 } -> [];
        34 GetOffsetInformation { space: u32, which: u32, offset: u64, buffer: Room } -> [bytes, u32];
        35 GetNextDifferentlyValidOffsetVirtual { offset: u64 } -> [u64];
        36 GetValidRegionVirtual { base: u64, size: u32 } -> [u64, u32];
        37 SearchVirtual2 { offset: u64, length: u64, flags: u32, pattern: Data, granularity: u32 } -> [u64];
        38 ReadMultiByteStringVirtual { offset: u64, max_bytes: u32, buffer: Room } -> [bytes, u32];
        39 ReadMultiByteStringVirtualWide { offset: u64, max_bytes: u32, code_page: u32, buffer: Room } -> [bytes, u32];
        40 ReadUnicodeStringVirtual { offset: u64, max_bytes: u32, code_page: u32, buffer: Room } -> [bytes, u32];
        41 ReadUnicodeStringVirtualWide { offset: u64, max_bytes: u32, buffer: Room } -> [bytes, u32];
        42 ReadPhysical2 { offset: u64, flags: u32, buffer: Room } -> [bytes, u32];
        43 WritePhysical2 { offset: u64, flags: u32, buffer: Data } -> [u32];
    }
    HostMemory {
        3 ReadBytes { context: HostContext, location: Location, buffer: Room } -> [bytes, u64];
        4 WriteBytes { context: HostContext, location: Location, buffer: Data } -> [u64];
        5 ReadPointers { context: HostContext, location: Location, pointers: Room } -> [pointers];
        6 WritePointers { context: HostContext, location: Location, pointers: Pointers } -> [];
        7 GetDisplayStringForLocation { context: HostContext, location: Location, verbose: bool } -> [bytes];
        8 LinearizeLocation { context: HostContext, location: Location } -> [u64, u64];
    }
    Client {
        3 AttachKernel { flags: u32, connect_options: Text } -> [];
        26 EndSession { flags: u32 } -> [];
    }
    Control {
        3 GetInterrupt {} -> [];
        4 SetInterrupt { flags: u32 } -> [];
        14 Output { mask: u32, text: Text } -> [];
        16 ControlledOutput { output_control: u32, mask: u32, text: Text } -> [];
        18 OutputPrompt { output_control: u32, text: Text } -> [];
        20 GetPromptText { buffer: Room } -> [bytes, u32];
        26 Disassemble { offset: u64, flags: u32, buffer: Room } -> [bytes, u32, u64];
        31 GetStackTrace { frame_offset: u64, stack_offset: u64, instruction_offset: u64, frames: Room } -> [bytes, u32];
        32 GetReturnOffset {} -> [u64];
        34 GetDebuggeeType {} -> [u32, u32];
        35 GetActualProcessorType {} -> [u32];
        36 GetExecutingProcessorType {} -> [u32];
        39 GetNumberProcessors {} -> [u32];
        41 GetPageSize {} -> [u32];
        42 IsPointer64Bit {} -> [];
        47 GetEffectiveProcessorType {} -> [u32];
        48 SetEffectiveProcessorType { processor_type: u32 } -> [];
        49 GetExecutionStatus {} -> [u32];
        50 SetExecutionStatus { status: u32 } -> [];
        53 GetEngineOptions {} -> [u32];
        54 AddEngineOptions { options: u32 } -> [];
        55 RemoveEngineOptions { options: u32 } -> [];
        56 SetEngineOptions { options: u32 } -> [];
        61 GetRadix {} -> [u32];
        62 SetRadix { radix: u32 } -> [];
        63 Evaluate { expression: Text, desired_type: u32, remainder: bool } -> [bytes, u32];
        66 Execute { output_control: u32, command: Text, flags: u32 } -> [];
        68 GetNumberBreakpoints {} -> [u32];
        69 GetBreakpointByIndex { index: u32 } -> [u64];
        70 GetBreakpointById { id: u32 } -> [u64];
        71 GetBreakpointParameters { count: u32, ids: Input<u32>, start: u32 } -> [bytes];
        72 AddBreakpoint { kind: u32, desired_id: u32 } -> [u64];
        73 RemoveBreakpoint { breakpoint: u64 } -> [];
        93 WaitForEvent { flags: u32, timeout: u32 } -> [];
        94 GetLastEventInformation { extra: Room, description: Room } -> [u32, u32, u32, bytes, u32, bytes, u32];
        126 GetPromptTextWide { buffer: Room } -> [bytes, u32];
        128 DisassembleWide { offset: u64, flags: u32, buffer: Room } -> [bytes, u32, u64];
    }
    Registers {
        3 GetNumberRegisters {} -> [u32];
        4 GetDescription { register: u32, name: Room } -> [bytes, u32, bytes];
        5 GetIndexByName { name: Text } -> [u32];
        6 GetValue { register: u32 } -> [bytes];
        7 SetValue { register: u32, value: [u8; 32] } -> [];
        8 GetValues { count: u32, indices: Input<u32>, start: u32 } -> [bytes];
        9 SetValues { indices: Input<u32>, start: u32, values: Input<[u8; 32]> } -> [];
        11 GetInstructionOffset {} -> [u64];
        12 GetStackOffset {} -> [u64];
        13 GetFrameOffset {} -> [u64];
    }
    SystemObjects {
        3 GetEventThread {} -> [u32];
        4 GetEventProcess {} -> [u32];
        5 GetCurrentThreadId {} -> [u32];
        6 SetCurrentThreadId { id: u32 } -> [];
        7 GetCurrentProcessId {} -> [u32];
        8 SetCurrentProcessId { id: u32 } -> [];
        9 GetNumberThreads {} -> [u32];
        10 GetTotalNumberThreads {} -> [u32, u32];
        11 GetThreadIdsByIndex { start: u32, count: u32 } -> [bytes, bytes];
        12 GetThreadIdByProcessor { processor: u32 } -> [u32];
        21 GetNumberProcesses {} -> [u32];
        22 GetProcessIdsByIndex { start: u32, count: u32 } -> [bytes, bytes];
        35 GetImplicitProcessDataOffset {} -> [u64];
        36 SetImplicitProcessDataOffset { offset: u64 } -> [];
    }
    Symbols {
        3 GetSymbolOptions {} -> [u32];
        4 AddSymbolOptions { options: u32 } -> [];
        5 RemoveSymbolOptions { options: u32 } -> [];
        6 SetSymbolOptions { options: u32 } -> [];
        7 GetNameByOffset { offset: u64, buffer: Room } -> [bytes, u32, u64];
        8 GetOffsetByName { symbol: Text } -> [u64];
        9 GetNearNameByOffset { offset: u64, delta: u32, buffer: Room } -> [bytes, u32, u64];
        12 GetNumberModules {} -> [u32, u32];
        13 GetModuleByIndex { index: u32 } -> [u64];
        14 GetModuleByModuleName { name: Text, start_index: u32 } -> [u32, u64];
        15 GetModuleByOffset { offset: u64, start_index: u32 } -> [u32, u64];
        16 GetModuleNames { index: u32, base: u64, image: Room, module: Room, loaded_image: Room } -> [bytes, u32, bytes, u32, bytes, u32];
        17 GetModuleParameters { count: u32, bases: Input<u64>, start: u32 } -> [bytes];
        36 StartSymbolMatch { pattern: Text } -> [u64];
        37 GetNextSymbolMatch { handle: u64, buffer: Room } -> [bytes, u32, u64];
        38 EndSymbolMatch { handle: u64 } -> [];
        53 GetModuleNameString { which: u32, index: u32, base: u64, buffer: Room } -> [bytes, u32];
        60 GetNameByOffsetWide { offset: u64, buffer: Room } -> [bytes, u32, u64];
        62 GetNearNameByOffsetWide { offset: u64, delta: u32, buffer: Room } -> [bytes, u32, u64];
        74 GetNextSymbolMatchWide { handle: u64, buffer: Room } -> [bytes, u32, u64];
        89 GetModuleNameStringWide { which: u32, index: u32, base: u64, buffer: Room } -> [bytes, u32];
        93 GetModuleByModuleName2 { name: Text, start_index: u32, flags: u32 } -> [u32, u64];
        95 GetModuleByOffset2 { offset: u64, start_index: u32, flags: u32 } -> [u32, u64];
        96 AddSyntheticModule { base: u64, size: u32, image_path: Text, module_name: Text, flags: u32 } -> [];
        98 RemoveSyntheticModule { base: u64 } -> [];
        107 AddSyntheticSymbol { offset: u64, size: u32, name: Text, flags: u32 } -> [bytes];
    }
    Breakpoint {
        3 GetId { breakpoint: u64 } -> [u32];
        4 GetType { breakpoint: u64 } -> [u32, u32];
        6 GetFlags { breakpoint: u64 } -> [u32];
        7 AddFlags { breakpoint: u64, flags: u32 } -> [];
        8 RemoveFlags { breakpoint: u64, flags: u32 } -> [];
        9 SetFlags { breakpoint: u64, flags: u32 } -> [];
        10 GetOffset { breakpoint: u64 } -> [u64];
        11 SetOffset { breakpoint: u64, offset: u64 } -> [];
        12 GetDataParameters { breakpoint: u64 } -> [u32, u32];
        13 SetDataParameters { breakpoint: u64, size: u32, access_type: u32 } -> [];
        14 GetPassCount { breakpoint: u64 } -> [u32];
        15 SetPassCount { breakpoint: u64, count: u32 } -> [];
        16 GetCurrentPassCount { breakpoint: u64 } -> [u32];
        17 GetMatchThreadId { breakpoint: u64 } -> [u32];
        18 SetMatchThreadId { breakpoint: u64, thread: u32 } -> [];
        19 GetCommand { breakpoint: u64, buffer: Room } -> [bytes, u32];
        20 SetCommand { breakpoint: u64, command: Text } -> [];
        21 GetOffsetExpression { breakpoint: u64, buffer: Room } -> [bytes, u32];
        22 SetOffsetExpression { breakpoint: u64, expression: Text } -> [];
        23 GetParameters { breakpoint: u64 } -> [bytes];
        24 GetCommandWide { breakpoint: u64, buffer: Room } -> [bytes, u32];
        26 GetOffsetExpressionWide { breakpoint: u64, buffer: Room } -> [bytes, u32];
    }
}
